/**
 * What of a place is worth saying to somebody who listens, and when.
 *
 * Invariant: apart from a new status, nothing is said within 30 s of the last time, and nothing that hardly differs.
 */
import type { Place } from './queue';

export const QUIET_MS = 30_000;
/** Moving by less than this share is not worth a word. */
const WORTH_SHARE = 0.1;

export interface Told {
  place: Place;
  atMs: number;
}

export function isWorthTelling(place: Place, last: Told | undefined, nowMs: number): boolean {
  if (!last) return true;
  const before = last.place;
  if (
    place.status !== before.status ||
    place.at_door !== before.at_door ||
    place.missed !== before.missed
  )
    return true;
  if (place.status !== 'waiting' || nowMs - last.atMs < QUIET_MS) return false;
  if (place.odds?.likely !== before.odds?.likely) return true;
  const [ahead, aheadBefore] = [place.ahead ?? 0, before.ahead ?? 0];
  return Math.abs(aheadBefore - ahead) >= Math.max(1, aheadBefore * WORTH_SHARE);
}

export type Span =
  { unit: 'soon' } | { unit: 'minutes'; count: number } | { unit: 'hours'; count: number };

/** A time to wait as people say it: an estimate is not known to the second. */
export function roughly(seconds: number): Span {
  if (seconds < 60) return { unit: 'soon' };
  const minutes = Math.round(seconds / 60);
  if (minutes < 10) return { unit: 'minutes', count: minutes };
  const fives = Math.round(minutes / 5) * 5;
  if (fives < 90) return { unit: 'minutes', count: fives };
  return { unit: 'hours', count: Math.round(minutes / 60) };
}

/** How far along, from 0 to 1; nothing where it is not known. */
export function progressOf(
  ahead: number | null | undefined,
  first: number | undefined,
): number | undefined {
  if (ahead === null || ahead === undefined || first === undefined || first <= 0) return undefined;
  return Math.min(1, Math.max(0, 1 - ahead / first));
}
