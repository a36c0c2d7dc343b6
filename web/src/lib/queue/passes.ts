/**
 * The pass on its way with reservations, and what becomes of a person whose pass is refused.
 *
 * Invariant: a pass that was refused is not sent again.
 */
import type { Problem } from '$lib/api/problems';

import { forget, kept } from './kept';

const refusals = ['pass_required', 'pass_invalid', 'pass_expired', 'pass_used'];

export function isPassProblem(code: string): boolean {
  return refusals.includes(code);
}

/** What to send with a reservation for an event; the server decides whether it is still good. */
export function passHeader(event: string): { 'Queue-Pass'?: string } {
  const pass = kept(event)?.pass?.pass;
  return pass ? { 'Queue-Pass': pass } : {};
}

/** Where a problem of a reservation leads, if it is about the pass. */
export function wayBack(
  problem: Problem | undefined,
  event: string,
  performance: string,
): string | undefined {
  if (!problem || !isPassProblem(problem.code)) return undefined;
  // Who has none may be waiting in another tab. Where one is refused its place is over, or somebody else's.
  if (problem.code !== 'pass_required') forget(event);
  return `/events/${event}/queue/${performance}?because=${problem.code}`;
}
