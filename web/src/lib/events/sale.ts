/** How the sale of a performance stands at a moment. */
import type { Schemas } from '$lib/api/client';
import type { Money } from '$lib/messages/format';

export type Performance = Schemas['Performance'];

export type Sale = 'upcoming' | 'open' | 'none_free' | 'closed' | 'past';

/** Fewer than this share of the house counts as few. */
const FEW_SHARE = 0.05;
const FEW_AT_LEAST = 4;

export function saleOf(performance: Performance, nowMs: number): Sale {
  const { starts_at, sale_opens_at, sale_closes_at, available } = performance;
  if (Date.parse(starts_at) <= nowMs) return 'past';
  if (sale_closes_at && Date.parse(sale_closes_at) <= nowMs) return 'closed';
  if (sale_opens_at && Date.parse(sale_opens_at) > nowMs) return 'upcoming';
  return available === 0 ? 'none_free' : 'open';
}

export function isFew(performance: Performance): boolean {
  const few = Math.max(FEW_AT_LEAST, performance.capacity * FEW_SHARE);
  return performance.available < few && performance.available < performance.capacity;
}

/** The prices of a performance. Seats of which no price is known cost nothing. */
function pricesOf({ prices, areas, seat_count }: Performance): Money[] {
  const known = [...Object.values(prices), ...areas.map((area) => area.price)];
  const unpriced = seat_count > 0 && Object.keys(prices).length === 0;
  return unpriced ? [{ amount: 0, currency: known[0]?.currency ?? 'KRW' }, ...known] : known;
}

/** The lowest price there is; nothing if there are none. */
export function lowestPrice(performances: readonly Performance[]): Money | undefined {
  const prices = performances.flatMap(pricesOf);
  return prices.reduce<Money | undefined>(
    (lowest, price) => (lowest && lowest.amount <= price.amount ? lowest : price),
    undefined,
  );
}

/** Soonest first; what is over comes last. */
export function bySoonest(performances: readonly Performance[], nowMs: number): Performance[] {
  const start = (performance: Performance) => Date.parse(performance.starts_at);
  const over = (performance: Performance) => Number(start(performance) <= nowMs);
  return performances.toSorted((a, b) => over(a) - over(b) || start(a) - start(b));
}
