/**
 * Spaces for wheelchairs, and the seats beside them that are kept for who comes along.
 *
 * Invariant: a seat is one of the two or neither; a plan that says both means the space.
 */
import type { components } from '$lib/api/schema';

export type Space = 'accessible' | 'companion';

/** At their codes; most seats are neither. */
export const spaces: readonly (Space | undefined)[] = [undefined, 'accessible', 'companion'];

export type PlanSeat = components['schemas']['PlanSeat'];

export function spaceCode({ accessible, companion }: PlanSeat): number {
  if (accessible === true) return spaces.indexOf('accessible');
  return companion === true ? spaces.indexOf('companion') : 0;
}

/**
 * What a buyer should gently be told of what they have picked: that wheelchair spaces are for those who need them, or
 * that a companion seat goes with such a space, which they neither picked nor have.
 */
export function reminderOf(
  picked: Iterable<number>,
  mine: Iterable<number>,
  spaceOf: (id: number) => Space | undefined,
): Space | undefined {
  const wanted = new Set(Array.from(picked, spaceOf));
  const has = wanted.has('accessible') || Array.from(mine, spaceOf).includes('accessible');
  if (wanted.has('companion') && !has) return 'companion';
  return wanted.has('accessible') ? 'accessible' : undefined;
}
