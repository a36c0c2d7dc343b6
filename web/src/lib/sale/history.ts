/**
 * The seconds of the sale that the page remembers.
 *
 * Invariants: sorted by time, each second once, an hour at most; a gap stays a gap and is not drawn as a line.
 */
import type { Moment } from './answers';

export const KEPT_MS = 3_600_000;
/** The bound if moments should come closer together than a second. */
const KEPT = 4_000;
/** A clock that goes back further than this is another clock: what was known is of no use with it. */
const ANOTHER_CLOCK_MS = 60_000;
/** Two moments further apart than this have something missing between them. */
const GAP_MS = 3_000;

/** What was known with what has come, which may come again or late. */
export function merged(known: readonly Moment[], come: readonly Moment[]): readonly Moment[] {
  if (come.length === 0) return known;
  const latest = known.at(-1)?.at_ms ?? -Infinity;
  const sorted = come.toSorted((a, b) => a.at_ms - b.at_ms);
  const newest = sorted.at(-1)?.at_ms ?? 0;
  const base = newest < latest - ANOTHER_CLOCK_MS ? [] : known;
  let all: Moment[];
  if (base.length === 0 || (sorted[0]?.at_ms ?? 0) > latest) {
    all = [...base, ...sorted];
  } else {
    const byTime = new Map([...base, ...sorted].map((moment) => [moment.at_ms, moment]));
    all = [...byTime.values()].toSorted((a, b) => a.at_ms - b.at_ms);
  }
  const from = (all.at(-1)?.at_ms ?? 0) - KEPT_MS;
  return all.filter(({ at_ms }) => at_ms >= from).slice(-KEPT);
}

/** What a chart shows of a span of time for a key: the last value, or the highest so that a peak is not lost. */
export type Pick = 'last' | 'most';

export interface Line {
  of: (moment: Moment) => number | null | undefined;
  pick: Pick;
}

/** Seconds since 1970, and the values of each line; `null` where nothing is known. */
export type Columns = [number[], ...(number | null)[][]];

/**
 * At most about `points` values for each line over the last `spanMs`. Spans begin at round times, so that what is drawn
 * does not change as time goes on.
 */
export function columns(
  history: readonly Moment[],
  lines: readonly Line[],
  spanMs: number,
  points: number,
): Columns {
  const newest = history.at(-1)?.at_ms ?? 0;
  const stepMs = Math.max(1_000, Math.ceil(spanMs / points / 1_000) * 1_000);
  const times: number[] = [];
  const values: (number | null)[][] = lines.map(() => []);
  let before: Moment | undefined;
  let bucket = NaN;
  for (const moment of history) {
    if (moment.at_ms <= newest - spanMs) continue;
    if (before && moment.at_ms - before.at_ms > Math.max(GAP_MS, 2 * stepMs)) {
      times.push((before.at_ms + stepMs) / 1_000);
      for (const value of values) value.push(null);
      bucket = NaN;
    }
    const its = Math.floor(moment.at_ms / stepMs);
    const isNew = its !== bucket;
    if (isNew) times.push(stepMs === 1_000 ? moment.at_ms / 1_000 : (its * stepMs) / 1_000);
    lines.forEach(({ of, pick }, index) => {
      const own = of(moment) ?? null;
      const column = values[index] ?? [];
      const last = column.at(-1) ?? null;
      if (isNew) column.push(own);
      else if (pick === 'last' || last === null || (own !== null && own > last)) {
        if (own !== null) column[column.length - 1] = own;
      }
    });
    bucket = its;
    before = moment;
  }
  return [times, ...values];
}

/** How things stood some time ago: the last moment that is not younger, unless it is much older. */
export function ago(history: readonly Moment[], ms: number): Moment | undefined {
  const newest = history.at(-1);
  if (!newest) return undefined;
  const at = newest.at_ms - ms;
  const found = history.findLast(({ at_ms }) => at_ms <= at);
  return found && at - found.at_ms <= GAP_MS ? found : undefined;
}
