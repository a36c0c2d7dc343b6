/**
 * What is left of a span of time, and when to say so.
 *
 * Invariant: each mark is announced once on the way down, and a late tick announces only the latest mark it passed.
 */

/** Seconds left at which it is worth interrupting somebody. */
export const marks: readonly number[] = [120, 60, 30, 10];

/** From here on it is said that the time is getting short; it still suffices. */
export const SOON_SECONDS = 120;
/** From here on the time is shown as short. */
export const LOW_SECONDS = 60;

/** Whole seconds left; the last one lasts until it is over. */
export function secondsLeft(until: string, nowMs: number): number {
  const end = Date.parse(until);
  return Number.isFinite(end) ? Math.max(0, Math.ceil((end - nowMs) / 1000)) : 0;
}

/** The mark to announce when so many seconds are left that were more before. */
export function markPassed(before: number, now: number): number | undefined {
  return marks.findLast((mark) => mark < before && mark >= now);
}

/** 65 → `1:05`. */
export function clockFace(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
