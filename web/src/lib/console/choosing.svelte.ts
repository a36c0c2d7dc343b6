/**
 * Seats that an organizer has chosen, to take them off sale or put them back.
 *
 * Invariant: only seats that nobody has are chosen: free ones and blocked ones.
 */
import { type SeatingModel, statuses } from '$lib/seats/model';
import type { SeatStates } from '$lib/seats/states.svelte';

import { setOf, without } from './id-sets';

const AVAILABLE = statuses.indexOf('available');
const BLOCKED = statuses.indexOf('blocked');

export class Choosing {
  #chosen = $state.raw(setOf([]));
  readonly #model: SeatingModel;
  readonly #states: SeatStates;

  constructor(model: SeatingModel, states: SeatStates) {
    this.#model = model;
    this.#states = states;
  }

  get chosen(): ReadonlySet<number> {
    return this.#chosen;
  }

  /** Those of them that are on sale, in the order of their ids. */
  get free(): number[] {
    return this.#those(AVAILABLE);
  }

  get blocked(): number[] {
    return this.#those(BLOCKED);
  }

  /** Whether nobody has it. */
  canChoose(id: number): boolean {
    const code = this.#states.codes[id];
    return this.#model.has(id) && (code === AVAILABLE || code === BLOCKED);
  }

  /** These, in addition to what is chosen or in its place; gives how many had to be left out. */
  choose(ids: readonly number[], add: boolean): number {
    const can = ids.filter((id) => this.canChoose(id));
    this.#chosen = setOf(add ? [...this.#chosen, ...can] : can);
    return ids.length - can.length;
  }

  /** Takes them out again. */
  unchoose(ids: readonly number[]): void {
    this.#chosen = without(this.#chosen, ids);
  }

  toggle(id: number): void {
    if (this.#chosen.has(id)) this.unchoose([id]);
    else this.choose([id], true);
  }

  clear(): void {
    if (this.#chosen.size > 0) this.#chosen = setOf([]);
  }

  /** Drops what somebody has got meanwhile, and gives it. */
  drop(): number[] {
    const gone = [...this.#chosen].filter((id) => !this.canChoose(id));
    if (gone.length > 0) this.unchoose(gone);
    return gone;
  }

  /** Whether all, some or none of those that can be chosen are. */
  share(ids: readonly number[]): 'all' | 'some' | 'none' {
    const chosen = ids.filter((id) => this.#chosen.has(id)).length;
    if (chosen === 0) return 'none';
    return chosen === ids.filter((id) => this.canChoose(id)).length ? 'all' : 'some';
  }

  #those(code: number): number[] {
    const { codes } = this.#states;
    return [...this.#chosen].filter((id) => codes[id] === code).sort((a, b) => a - b);
  }
}
