import { describe, expect, it } from 'vitest';

import type { PerformanceFigures, Section, Stock } from './answers';
import {
  type Row,
  SHOWN,
  driftOf,
  driftsOf,
  fullness,
  opensFirst,
  sectionRows,
  shareOf,
  shownRows,
  sum,
  worstFirst,
} from './stock';

const stock = (parts: Partial<Stock> = {}): Stock => {
  const all = { capacity: 100, held: 0, paying: 0, sold: 0, blocked: 0, drift: 0, ...parts };
  const rest = all.capacity - all.held - all.paying - all.sold - all.blocked - all.drift;
  return { available: rest, ...all };
};
const section = (label: string, parts: Partial<Stock> = {}): Section => ({
  label,
  kind: 'section',
  ...stock(parts),
});
const performance = (
  id: string,
  sections: Section[],
  parts: Partial<PerformanceFigures> = {},
): PerformanceFigures => ({
  id,
  starts_at: '2030-12-24T20:00:00Z',
  viewers: 0,
  stock: sum(sections),
  sections,
  ...parts,
});
const rows = (...fill: Partial<Stock>[]): Row[] =>
  fill.map((parts, index) => ({
    key: `${index}`,
    label: `${index}`,
    starts_at: undefined,
    stock: stock(parts),
  }));
const labels = (rows: readonly Row[]) => rows.map(({ label }) => label);

describe('a drift', () => {
  it('is none where everything adds up', () => {
    expect(driftsOf([performance('p', [section('A', { sold: 40, held: 3 })])])).toEqual([]);
  });

  it('is found by section, whether something is missing or twice', () => {
    const found = driftsOf([
      performance('p', [section('A'), section('B', { drift: 1 })]),
      performance('q', [section('C', { drift: -2 })]),
    ]);
    expect(found.map(({ performance, label, drift }) => [performance, label, drift])).toEqual([
      ['p', 'B', 1],
      ['q', 'C', -2],
    ]);
  });

  it('is found where the server calls it none', () => {
    expect(driftOf({ ...stock({ sold: 10 }), available: 91 })).toBe(-1);
  });

  it('is of the performance where its sections all add up', () => {
    const [found] = driftsOf([performance('p', [section('A')], { stock: stock({ drift: 3 }) })]);
    expect(found).toMatchObject({ performance: 'p', label: undefined, drift: 3 });
  });
});

describe('sections of the same name', () => {
  it('are told apart', () => {
    const twins = [section('A', { drift: 1 }), section('A', { drift: 1 })];
    expect(driftsOf([performance('p', twins)]).map(({ section }) => section)).toEqual([0, 1]);
  });
});

describe('a bar', () => {
  it('has the share of each state', () => {
    expect(shareOf(stock({ sold: 25 }), 'sold')).toBe(0.25);
    expect(shareOf(stock({ sold: 25 }), 'available')).toBe(0.75);
  });

  it('is never overfull, nor of nothing', () => {
    const twice = { ...stock({ sold: 100 }), available: 100 };
    expect(shareOf(twice, 'sold') + shareOf(twice, 'available')).toBe(1);
    expect(shareOf(stock({ capacity: 0 }), 'sold')).toBe(0);
  });
});

describe('the rows', () => {
  it('are full by what is for sale', () => {
    expect(fullness(stock({ sold: 40, held: 10, blocked: 50 }))).toBe(1);
    expect(fullness(stock({ blocked: 100 }))).toBe(0);
  });

  it('come with what does not add up first, then the fullest', () => {
    const worst = worstFirst(rows({ sold: 10 }, { sold: 90 }, { drift: 1 }, { sold: 50 }));
    expect(labels(worst)).toEqual(['2', '1', '3', '0']);
  });

  it('stay where they are while the difference is small', () => {
    expect(labels(worstFirst(rows({ sold: 51 }, { sold: 53 })))).toEqual(['0', '1']);
  });

  it('are all there in their own order while they are few, and else the worst until all are wanted', () => {
    const few = rows({ sold: 1 }, { sold: 99 });
    expect(labels(shownRows(few, false))).toEqual(['0', '1']);
    const many = rows(...Array.from({ length: SHOWN + 5 }, (_, at) => ({ sold: at * 2 })));
    expect(shownRows(many, false)).toHaveLength(SHOWN);
    expect(shownRows(many, false).at(-1)?.stock.sold).toBeGreaterThan(0);
    expect(shownRows(many, true)).toHaveLength(SHOWN + 5);
    expect(shownRows(many, false, 3)).toHaveLength(3);
  });

  it('name their performance where there are several', () => {
    const one = performance('p', [section('A'), section('A')]);
    expect(sectionRows([one]).map(({ starts_at }) => starts_at)).toEqual([undefined, undefined]);
    const both = sectionRows([one, performance('q', [section('A')])]);
    expect(new Set(both.map(({ key }) => key)).size).toBe(3);
    expect(both.every(({ starts_at }) => starts_at !== undefined)).toBe(true);
  });
});

describe('the first opening', () => {
  const now = Date.parse('2030-12-01T00:00:00Z');
  const at = (sale_opens_at: string | null) => performance('p', [], { sale_opens_at });

  it('is the soonest while nothing is on sale', () => {
    const soon = '2030-12-01T00:00:10Z';
    expect(opensFirst([at('2030-12-02T00:00:00Z'), at(soon)], now)).toBe(soon);
  });

  it('is none as soon as one is on sale, or where there is nothing to sell', () => {
    expect(opensFirst([at('2030-12-02T00:00:00Z'), at(null)], now)).toBeUndefined();
    expect(opensFirst([at('2030-11-30T00:00:00Z')], now)).toBeUndefined();
    expect(opensFirst([], now)).toBeUndefined();
  });
});
