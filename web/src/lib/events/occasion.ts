/**
 * What a reservation or an order is for: the event and its date.
 *
 * Invariant: the same performance is asked for once at a time, and at most so many are remembered.
 */
import { type Event, event as readEvent, performance as readPerformance } from './catalogue';
import type { Performance } from './sale';

export interface Occasion {
  event: Event;
  performance: Performance;
}

const REMEMBERED = 100;
const known = new Map<string, Promise<Occasion>>();

async function read(performanceId: string): Promise<Occasion> {
  // Shared by whoever asks, so it does not end when one of them leaves.
  const { signal } = new AbortController();
  const performance = await readPerformance(performanceId, signal);
  return { performance, event: await readEvent(performance.event_id, signal) };
}

export function occasion(performanceId: string): Promise<Occasion> {
  let asked = known.get(performanceId);
  if (!asked) {
    asked = read(performanceId);
    asked.catch(() => known.delete(performanceId));
    known.set(performanceId, asked);
    const [oldest] = known.keys();
    if (known.size > REMEMBERED && oldest) known.delete(oldest);
  }
  return asked;
}
