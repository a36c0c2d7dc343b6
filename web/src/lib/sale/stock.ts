/**
 * Units by their state: what adds up, what does not, and what to show first.
 *
 * Invariant: figures that do not add up are found whether or not the server says so in `drift`.
 */
import type { PerformanceFigures, Section, Stock } from './answers';

/** The states a unit can be in, in the order in which a bar shows them. */
export const states = ['sold', 'paying', 'held', 'blocked', 'available'] as const;
export type State = (typeof states)[number];

/** With more rows than this only the worst are shown at first. */
export const SHOWN = 30;

/** Rows move only when they get fuller by this share, or the list would never stand still. */
const STEP = 0.05;

export function driftOf(stock: Stock): number {
  const counted = states.reduce((sum, state) => sum + stock[state], 0);
  return stock.drift !== 0 ? stock.drift : stock.capacity - counted;
}

export function sum(stocks: readonly Stock[]): Stock {
  const total = { capacity: 0, available: 0, held: 0, paying: 0, sold: 0, blocked: 0, drift: 0 };
  for (const stock of stocks) {
    for (const key of Object.keys(total) as (keyof Stock)[]) total[key] += stock[key];
  }
  return total;
}

/** How much of a bar a state takes; the whole is never less than what is in it. */
export function shareOf(stock: Stock, state: State): number {
  const counted = states.reduce((sum, each) => sum + stock[each], 0);
  const whole = Math.max(stock.capacity, counted);
  return whole > 0 ? stock[state] / whole : 0;
}

/** How much of what is for sale is gone, for now or for good. */
export function fullness({ capacity, blocked, sold, paying, held }: Stock): number {
  const forSale = capacity - blocked;
  return forSale > 0 ? (sold + paying + held) / forSale : 0;
}

export interface Drift {
  performance: string;
  starts_at: string;
  /** The place of the section, since names may be there twice. */
  section: number | undefined;
  /** Of the section; nothing where only the performance as a whole does not add up. */
  label: string | undefined;
  drift: number;
}

/** Everything that does not add up. */
export function driftsOf(performances: readonly PerformanceFigures[]): Drift[] {
  return performances.flatMap(({ id, starts_at, stock, sections }) => {
    const drifts = sections
      .map((each, section) => ({ section, label: each.label, drift: driftOf(each) }))
      .filter(({ drift }) => drift !== 0);
    const whole = driftOf(stock);
    const none = { section: undefined, label: undefined };
    const found: Pick<Drift, 'section' | 'label' | 'drift'>[] =
      drifts.length > 0 ? drifts : whole !== 0 ? [{ ...none, drift: whole }] : [];
    return found.map((each) => ({ performance: id, starts_at, ...each }));
  });
}

/** A line of the list: a section, or a performance as a whole. */
export interface Row {
  key: string;
  label: string;
  /** Of the performance, where several are shown together. */
  starts_at: string | undefined;
  stock: Stock;
}

export function sectionRows(performances: readonly PerformanceFigures[]): Row[] {
  return performances.flatMap(({ id, starts_at, sections }) =>
    sections.map((section: Section, index) => ({
      key: `${id} ${index}`,
      label: section.label,
      starts_at: performances.length > 1 ? starts_at : undefined,
      stock: section,
    })),
  );
}

/** What does not add up first, then the fullest; otherwise as they come. */
export function worstFirst(rows: readonly Row[]): Row[] {
  const step = (row: Row) => Math.floor(fullness(row.stock) / STEP);
  const off = (row: Row) => Math.abs(driftOf(row.stock));
  return rows.toSorted((a, b) => off(b) - off(a) || step(b) - step(a));
}

/** The rows to show: all in their own order if they are few or wanted, else the worst. */
export function shownRows(rows: readonly Row[], all: boolean, most: number = SHOWN): Row[] {
  if (rows.length <= most) return [...rows];
  return all ? worstFirst(rows) : worstFirst(rows).slice(0, most);
}

/** The moment at which the first sale begins, if none has begun. */
export function opensFirst(
  performances: readonly PerformanceFigures[],
  nowMs: number,
): string | undefined {
  const openings = performances.map(({ sale_opens_at }) => sale_opens_at ?? '');
  if (openings.length === 0 || openings.some((at) => !(Date.parse(at) > nowMs))) return undefined;
  return openings.toSorted((a, b) => Date.parse(a) - Date.parse(b))[0];
}
