import { describe, expect, it } from 'vitest';

import type { Moment } from './answers';
import { KEPT_MS, type Line, ago, columns, merged } from './history';

const START = 1_790_000_000_000;
const at = (second: number, parts: Partial<Moment> = {}): Moment => ({
  at_ms: START + second * 1_000,
  available: 0,
  held: 0,
  paying: 0,
  sold: second,
  joined: 0,
  waiting: 0,
  inside: 0,
  entered: 0,
  no_shows: 0,
  viewers: 0,
  requests_per_s: 0,
  p95_ms: second,
  error_rate: 0,
  ...parts,
});
const seconds = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => at(from + index));
const times = (history: readonly Moment[]) => history.map(({ at_ms }) => (at_ms - START) / 1_000);

describe('the history', () => {
  it('goes on with what came since', () => {
    expect(times(merged(seconds(0, 3), seconds(3, 5)))).toEqual([0, 1, 2, 3, 4]);
  });

  it('has each second once, the later answer of two, in order', () => {
    const all = merged(seconds(0, 3), [at(4), at(2, { sold: 77 }), at(3)]);
    expect(times(all)).toEqual([0, 1, 2, 3, 4]);
    expect(all[2]?.sold).toBe(77);
  });

  it('is the same while nothing comes', () => {
    const known = seconds(0, 3);
    expect(merged(known, [])).toBe(known);
  });

  it('is an hour at most', () => {
    const all = merged(seconds(0, 3_600), seconds(3_600, 3_700));
    expect(all.length).toBeLessThanOrEqual(3_601);
    expect((all.at(-1)?.at_ms ?? 0) - (all[0]?.at_ms ?? 0)).toBeLessThanOrEqual(KEPT_MS);
    expect(times(all).at(-1)).toBe(3_699);
  });

  it('is bounded however close the moments come', () => {
    const dense = Array.from({ length: 9_000 }, (_, index) => at(index / 10));
    expect(merged([], dense).length).toBeLessThanOrEqual(4_000);
  });

  it('begins anew when the server has another clock', () => {
    expect(times(merged(seconds(1_000, 1_003), seconds(0, 2)))).toEqual([0, 1]);
  });
});

describe('the columns of a chart', () => {
  const last: Line = { of: ({ sold }) => sold, pick: 'last' };
  const most: Line = { of: ({ p95_ms }) => p95_ms, pick: 'most' };

  it('are the seconds themselves while there are few', () => {
    const [xs, ys] = columns(seconds(0, 5), [last], 300_000, 600);
    expect(xs).toEqual([0, 1, 2, 3, 4].map((second) => START / 1_000 + second));
    expect(ys).toEqual([0, 1, 2, 3, 4]);
  });

  it('leave out what is older than the span', () => {
    const [xs] = columns(seconds(0, 500), [last], 300_000, 600);
    expect(xs).toHaveLength(300);
  });

  it('are at most as many as wanted, with the last of a level and the peak of a load', () => {
    const hour = seconds(0, 3_600).map((moment, index) =>
      index === 1_801 ? { ...moment, p95_ms: 9_999 } : moment,
    );
    const [xs, sold, p95] = columns(hour, [last, most], 3_600_000, 600);
    expect(xs.length).toBeLessThanOrEqual(601);
    expect(sold?.at(-1)).toBe(3_599);
    expect(p95).toContain(9_999);
  });

  it('do not change in the past as time goes on', () => {
    const before = columns(seconds(0, 3_000), [most], 3_600_000, 600);
    const after = columns(seconds(0, 3_001), [most], 3_600_000, 600);
    expect(after[1]?.slice(0, (before[1]?.length ?? 0) - 1)).toEqual(before[1]?.slice(0, -1));
  });

  it('have a hole where nothing is known', () => {
    const [xs, ys] = columns([...seconds(0, 2), ...seconds(60, 62)], [last], 300_000, 600);
    expect(ys).toEqual([0, 1, null, 60, 61]);
    expect(xs).toEqual([...xs].sort((a, b) => a - b));
  });

  it('have a hole where a figure is missing, and the one that is known within a span', () => {
    const history = seconds(0, 3).map((moment) => ({ ...moment, p95_ms: null }));
    expect(columns(history, [most], 300_000, 600)[1]).toEqual([null, null, null]);
    const [, known] = columns([...history, at(3)], [most], 40_000, 10);
    expect(known).toContain(3);
  });

  it('are empty without a history', () => {
    expect(columns([], [last], 300_000, 600)).toEqual([[], []]);
  });
});

describe('some time ago', () => {
  it('is the moment then, and nothing in a gap or before the beginning', () => {
    const history = [...seconds(0, 10), ...seconds(100, 161)];
    expect(ago(history, 0)?.sold).toBe(160);
    expect(ago(history, 60_000)?.sold).toBe(100);
    expect(ago(history, 100_000)).toBeUndefined();
    expect(ago(history, 3_600_000)).toBeUndefined();
    expect(ago([], 0)).toBeUndefined();
  });
});
