/** The single figures of the dashboard, by what they are about. Reading these in markup follows the language. */
import type { Tile } from './Tiles.svelte';
import type { Figures } from './answers';
import { NONE, count, milliseconds, of, percent, rate } from './shown';
import { w } from './words';

/** Those who came: how many, where they are, and what became of it. */
export function peopleTiles({ room, sales }: Figures): Tile[] {
  const { people } = w();
  const bought: Tile = {
    key: 'holds',
    label: people.ofHolds,
    value: of(sales.orders, sales.holds),
    note: people.ofHoldsNote(count(sales.orders), count(sales.holds)),
  };
  if (!room) return [bought];
  return [
    { key: 'waiting', label: people.waiting, value: count(room.waiting) },
    {
      key: 'inside',
      label: people.inside,
      value: count(room.inside),
      note: people.insideNote(count(room.max_inside)),
    },
    { key: 'joined', label: people.joined, value: count(room.joined) },
    {
      key: 'entered',
      label: people.entered,
      value: count(room.entered),
      note: people.enteredNote(rate(room.calls_per_second)),
    },
    {
      key: 'no_shows',
      label: people.noShows,
      value: count(room.no_shows),
      note: people.noShowsNote(of(room.no_shows, room.entered + room.no_shows)),
    },
    bought,
    {
      key: 'bought',
      label: people.ofEntered,
      value: of(sales.orders, room.entered),
      note: people.ofEnteredNote(count(sales.orders), count(room.entered)),
    },
  ];
}

export function trafficTiles({ traffic, performances }: Figures): Tile[] {
  const words = w().traffic;
  const viewers = performances.reduce((sum, each) => sum + each.viewers, 0);
  const quiet = traffic.requests_per_s === 0;
  const took = (value: number | null | undefined) => (quiet ? NONE : milliseconds(value));
  return [
    { key: 'viewers', label: w().people.viewers, value: count(viewers) },
    { key: 'requests', label: words.requests, value: rate(traffic.requests_per_s) },
    { key: 'errors', label: words.errors, value: quiet ? NONE : percent(traffic.error_rate) },
    { key: 'p50', label: words.p50, value: took(traffic.p50_ms) },
    { key: 'p95', label: words.p95, value: took(traffic.p95_ms) },
    { key: 'p99', label: words.p99, value: took(traffic.p99_ms) },
  ];
}

export interface Refusal {
  code: string;
  count: number;
}

/** What was refused, most often first; by name where as often, so that lines do not change places by themselves. */
export function refusalsOf(refusals: Record<string, number>): Refusal[] {
  return Object.entries(refusals)
    .map(([code, count]) => ({ code, count }))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}
