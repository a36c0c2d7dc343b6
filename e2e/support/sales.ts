/** A sale that a test makes up, for what a real one does not get into: units that do not add up, a server that is silent. */
import type { Page } from '@playwright/test';

export interface Stock {
  capacity: number;
  available: number;
  held: number;
  paying: number;
  sold: number;
  blocked: number;
  drift: number;
}

export interface Section extends Stock {
  label: string;
  kind: 'section' | 'area';
}

export interface Performance {
  id: string;
  starts_at: string;
  sale_opens_at: string | null;
  sale_closes_at: string | null;
  viewers: number;
  stock: Stock;
  sections: Section[];
}

export const section = (label: string, parts: Partial<Stock> = {}): Section => {
  const stock = { held: 0, paying: 0, sold: 0, blocked: 0, drift: 0, capacity: 100, ...parts };
  const { capacity, held, paying, sold, blocked, drift } = stock;
  return {
    label,
    kind: 'section',
    available: capacity - held - paying - sold - blocked - drift,
    ...stock,
  };
};

export function performance(
  id: string,
  sections: Section[],
  times: Partial<Performance> = {},
): Performance {
  const sum = (key: keyof Stock) => sections.reduce((total, each) => total + each[key], 0);
  const stock = {
    capacity: sum('capacity'),
    available: sum('available'),
    held: sum('held'),
    paying: sum('paying'),
    sold: sum('sold'),
    blocked: sum('blocked'),
    drift: sum('drift'),
  };
  return {
    id,
    starts_at: '2030-12-24T10:00:00Z',
    sale_opens_at: null,
    sale_closes_at: null,
    viewers: 412,
    stock,
    sections,
    ...times,
  };
}

export const room = {
  status: 'open',
  paused: false,
  admit_per_second: 50,
  admit_per_second_by_hand: null as number | null,
  max_inside: 500,
  max_inside_by_hand: null as number | null,
  lobby: false,
  joined: 12_480,
  waiting: 9_120,
  called: 31,
  at_door: 0,
  inside: 486,
  calls_per_second: 24.2,
  reached: 3_100,
  entered: 2_760,
  no_shows: 112,
};

export type Room = typeof room;

export interface Sale {
  performances: Performance[];
  room: Room | null;
  refusals: Record<string, number>;
  /** Seconds that are known when somebody first looks. */
  seconds: number;
  /** No answers come while it is set: this status is one, 0 breaks the connection off. */
  silent?: number | undefined;
  /** The server answers, and always the same moment. */
  stuck?: boolean;
  actions: Record<string, unknown>[];
}

export const sale = (parts: Partial<Sale> = {}): Sale => ({
  performances: [
    performance('01a200c3-15b7-79c5-83fb-bd739444c301', [
      section('Stalls', { capacity: 420, sold: 260, paying: 12, held: 61, blocked: 8 }),
      section('Circle', { capacity: 260, sold: 91, paying: 4, held: 33 }),
      section('Balcony', { capacity: 180, sold: 22, held: 9, blocked: 20 }),
      {
        ...section('Standing', { capacity: 1_200, sold: 744, paying: 30, held: 122 }),
        kind: 'area',
      },
    ]),
  ],
  room,
  refusals: { seat_taken: 41, pass_required: 12, rate_limited: 7, hold_expired: 3, brand_new: 1 },
  seconds: 900,
  actions: [],
  ...parts,
});

/** A second of the sale; the numbers go up as a sale's do, and the same second is always the same. */
function moment(at_ms: number, { performances, room }: Sale, ageS: number): Record<string, number> {
  const sum = (key: keyof Stock) =>
    performances.reduce((total, { stock }) => total + stock[key], 0);
  const grown = Math.max(0.05, 1 - ageS / 1_000);
  const wave = Math.sin(at_ms / 17_000);
  return {
    at_ms,
    sold: Math.round(sum('sold') * grown),
    held: Math.round(sum('held') * (0.8 + 0.2 * wave)),
    paying: Math.round(sum('paying') * (0.8 + 0.2 * Math.cos(at_ms / 9_000))),
    available: Math.round(sum('capacity') - sum('sold') * grown - sum('held')),
    joined: room?.joined ?? 0,
    waiting: Math.round((room?.waiting ?? 0) * (0.6 + 0.4 * (1 - grown))),
    inside: Math.round((room?.inside ?? 0) * (0.97 + 0.03 * wave)),
    entered: Math.round((room?.entered ?? 0) * grown),
    no_shows: room?.no_shows ?? 0,
    viewers: Math.round(400 + 40 * wave),
    requests_per_s: Math.round(820 + 240 * wave),
    p95_ms: 18 + 6 * Math.abs(wave),
    error_rate: wave > 0.97 ? 0.012 : 0.0004,
  };
}

export interface Asked {
  /** What came with `since`. */
  since: string[];
  /** What the levers sent: method, path after the version, body. */
  sent: { method: string; path: string; body: unknown }[];
}

/** Answers for the pages of an event as the sale says, which may be changed while they look. */
export async function playSale(page: Page, event: string, sale: Sale): Promise<Asked> {
  const asked: Asked = { since: [], sent: [] };
  const begun = Date.now();
  let stuckAt: number | undefined;
  await page.route(`**/api/v1/events/${event}/sale**`, async (route) => {
    const since = new URL(route.request().url()).searchParams.get('since');
    asked.since.push(since ?? '');
    if (sale.silent === 0) return route.abort('connectionfailed');
    if (sale.silent) {
      return route.fulfill({ status: sale.silent, json: { status: sale.silent } });
    }
    stuckAt = sale.stuck ? (stuckAt ?? Date.now()) : undefined;
    const now = stuckAt ?? Date.now();
    const first = since ? Number(since) : begun - sale.seconds * 1_000;
    const history = [];
    for (let at = Math.floor(first / 1_000) * 1_000 + 1_000; at <= now; at += 1_000) {
      history.push(moment(at, sale, (now - at) / 1_000));
    }
    const held = sale.performances.reduce((total, { stock }) => total + stock.held, 0);
    const sold = sale.performances.reduce((total, { stock }) => total + stock.sold, 0);
    return route.fulfill({
      json: {
        at: new Date(now).toISOString(),
        at_ms: now,
        performances: sale.performances,
        room: sale.room,
        sales: { holds: Math.round((held + sold) * 0.7), orders: Math.round(sold / 2.2) },
        traffic: {
          window_s: 10,
          requests_per_s: 842.4,
          error_rate: 0.0004,
          p50_ms: 3.2,
          p95_ms: 18.4,
          p99_ms: 41.7,
          refusals: sale.refusals,
        },
        history,
      },
    });
  });
  await page.route(`**/api/v1/events/${event}/actions**`, (route) =>
    route.fulfill({ json: { items: sale.actions, next_cursor: null } }),
  );
  const levers = new RegExp(
    `/api/v1/(events/${event}/queue/control|performances/[^/]+(/holds/extend)?)$`,
  );
  await page.route(levers, (route) => {
    const request = route.request();
    if (request.method() === 'GET') return route.fallback();
    const path = new URL(request.url()).pathname.replace('/api/v1', '');
    asked.sent.push({ method: request.method(), path, body: request.postDataJSON() });
    return route.fulfill({ json: path.endsWith('/extend') ? { extended: 225 } : {} });
  });
  return asked;
}
