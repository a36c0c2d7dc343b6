/**
 * How each seat looks to this buyer: its state, or that they picked it or have it.
 *
 * Invariant: what is mine looks mine and what is picked looks picked, whatever state the seat is in, for that is what
 * the buyer has to know first.
 */
import { type Filter, everything } from './filter';
import { type SeatStatus, type SeatingModel, statuses } from './model';
import type { SeatStates } from './states.svelte';

export type Look = SeatStatus | 'picked' | 'mine';

/** The first four in the order of their codes on the wire. */
export const looks: readonly Look[] = [...statuses, 'picked', 'mine'];

export const AVAILABLE = looks.indexOf('available');
export const PICKED = looks.indexOf('picked');
export const MINE = looks.indexOf('mine');

/** The look of each seat, at its id. */
export function looksOf(
  states: SeatStates,
  picked: Iterable<number>,
  mine: Iterable<number>,
): Uint8Array {
  const looking = new Uint8Array(states.codes);
  for (const id of picked) if (id < looking.length) looking[id] = PICKED;
  for (const id of mine) if (id < looking.length) looking[id] = MINE;
  return looking;
}

export function lookOf(
  id: number,
  states: SeatStates,
  picked: ReadonlySet<number>,
  mine: ReadonlySet<number>,
): Look {
  if (mine.has(id)) return 'mine';
  return picked.has(id) ? 'picked' : states.status(id);
}

/** Free seats of each section that the filter shows, in the order of the plan. */
export function freeBySection(
  model: SeatingModel,
  codes: Readonly<Uint8Array>,
  filter: Filter = everything,
): Uint32Array {
  return freeBy(model, codes, model.section, model.sections.length, filter);
}

export function freeByRow(model: SeatingModel, codes: Readonly<Uint8Array>): Uint32Array {
  return freeBy(model, codes, model.row, model.rows.length, everything);
}

function freeBy(
  model: SeatingModel,
  codes: Readonly<Uint8Array>,
  groupOf: ArrayLike<number>,
  groups: number,
  filter: Filter,
): Uint32Array {
  const free = new Uint32Array(groups);
  for (const id of model.ids()) {
    const group = groupOf[id] ?? 0;
    if (codes[id] === AVAILABLE && filter.shows(id)) free[group] = (free[group] ?? 0) + 1;
  }
  return free;
}
