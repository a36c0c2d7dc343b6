/**
 * What somebody means who points at the map.
 *
 * Invariant: never a guess. Where seats are too small to be told apart by the pointer, or two could be meant, the answer
 * is to come closer; a seat is answered only if it was hit, or if it is the only free one beside the point.
 */
import type { SeatingModel } from './model';
import { TOUCH_PX } from './viewport';

export type Aim = { kind: 'seat'; id: number } | { kind: 'closer' } | { kind: 'nothing' };

/** A mouse tells smaller things apart. */
export const MOUSE_PX = 13;

/** Inside this part of the distance to its neighbour, a seat is hit. */
const HIT = 0.5;
/** So far from the nearest seat, nothing is meant. */
const NEAR = 0.8;
/** The second must be this much further away than the first, or either could be meant. */
const CLEARLY = 1.3;

export function aimAt(
  model: SeatingModel,
  x: number,
  y: number,
  k: number,
  coarse: boolean,
  isFree: (id: number) => boolean,
): Aim {
  const { pitch } = model;
  const targetPx = coarse ? TOUCH_PX : MOUSE_PX;
  const reach = Math.max(pitch * NEAR, targetPx / 2 / k);
  const [first] = model.nearest(x, y, 1, reach);
  if (first === undefined) return { kind: 'nothing' };
  // A rounding error must not keep a finger from a seat that is just large enough.
  if (pitch * k < targetPx - 0.5) return { kind: 'closer' };
  if (model.distance(first, x, y) <= pitch * HIT) return { kind: 'seat', id: first };
  const [free, other] = model.nearest(x, y, 2, pitch * NEAR, isFree);
  if (free === undefined) return { kind: 'seat', id: first };
  const clear =
    other === undefined || model.distance(other, x, y) > CLEARLY * model.distance(free, x, y);
  return clear ? { kind: 'seat', id: free } : { kind: 'closer' };
}

/**
 * The free seat that comes closest to another: of the same category, so at the same price, and kept for the same people;
 * next to one of `company` in its row if there is such a seat, else in the same section if it has one.
 */
export function nearestEqual(
  model: SeatingModel,
  id: number,
  isFree: (id: number) => boolean,
  company: Iterable<number> = [],
): number | undefined {
  if (!model.has(id)) return undefined;
  const [x, y] = [model.x[id] ?? 0, model.y[id] ?? 0];
  const isEqual = (other: number) =>
    other !== id &&
    model.category[other] === model.category[id] &&
    model.space[other] === model.space[id] &&
    isFree(other);
  const beside = [...company].flatMap((of) => neighboursOf(model, of)).filter(isEqual);
  if (beside.length > 0) {
    const away = (other: number) => model.distance(other, x, y);
    return beside.reduce((best, other) => (away(other) < away(best) ? other : best));
  }
  const inSection = (other: number) => model.section[other] === model.section[id];
  return (
    model.nearest(x, y, 1, Infinity, (other) => inSection(other) && isEqual(other))[0] ??
    model.nearest(x, y, 1, Infinity, isEqual)[0]
  );
}

/** Neighbours are no further from each other than this many of the plan's shortest distances. */
const BESIDE = 1.6;

/** The seats next to one in its row; none across an aisle. */
function neighboursOf(model: SeatingModel, id: number): number[] {
  const ids = model.rows[model.row[id] ?? 0]?.ids ?? [];
  const at = ids.indexOf(id);
  if (at < 0) return [];
  const [x, y] = [model.x[id] ?? 0, model.y[id] ?? 0];
  return [ids[at - 1], ids[at + 1]].filter(
    (other) => other !== undefined && model.distance(other, x, y) <= BESIDE * model.pitch,
  ) as number[];
}
