/** What an organizer and a buyer do without a browser, to set a scene and to look behind it. */
import type { components } from '../../web/src/lib/api/schema.d.ts';
import type { Server } from './server.ts';

type Schemas = components['schemas'];
export type Order = Schemas['Order'];
export type Reservation = Schemas['Reservation'];

const REQUEST_MS = 15_000;

export async function call<Answer>(
  server: Server,
  method: string,
  path: string,
  { token, body, key }: { token?: string; body?: unknown; key?: string } = {},
): Promise<Answer> {
  const headers: Record<string, string> = {};
  if (token) headers['authorization'] = `Bearer ${token}`;
  if (key) headers['idempotency-key'] = key;
  if (body !== undefined) headers['content-type'] = 'application/json';
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as Answer;
}

export async function logIn(
  server: Server,
  account: { email: string; password: string } = server.organizer,
): Promise<string> {
  const tokens = await call<Schemas['TokenSet']>(server, 'POST', '/auth/login', { body: account });
  return tokens.access_token;
}

export async function guest(server: Server): Promise<string> {
  const tokens = await call<Schemas['TokenSet']>(server, 'POST', '/auth/guest', { body: {} });
  return tokens.access_token;
}

/** Others who wait, in front. */
export async function crowd(server: Server, event: string, count: number): Promise<void> {
  for (let joined = 0; joined < count; joined += 1) {
    const token = await guest(server);
    await call(server, 'POST', `/events/${event}/queue`, { token, body: {} });
  }
}

/** A performance, in a month from now unless told. */
export async function perform(
  server: Server,
  {
    title,
    description = null,
    settings = {},
    ...performance
  }: {
    title: string;
    description?: string | null;
    settings?: Record<string, unknown>;
    rows?: number;
    columns?: number;
    areas?: Schemas['NewArea'][];
    /** In minutes from now. */
    startsIn?: number;
    opensIn?: number;
  },
): Promise<{ event: string; performance: string }> {
  const token = await logIn(server);
  const event = await call<Schemas['Event']>(server, 'POST', '/events', {
    token,
    body: { title, description, settings },
  });
  const { rows = 3, columns = 3, areas = [], startsIn = 30 * 24 * 60, opensIn } = performance;
  const later = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();
  const made = await call<Schemas['Performance']>(
    server,
    'POST',
    `/events/${event.id}/performances`,
    {
      token,
      body: {
        starts_at: later(startsIn),
        plan: { rows, columns },
        prices: { standard: { amount: 50_000, currency: 'KRW' } },
        areas,
        ...(opensIn === undefined ? {} : { sale_opens_at: later(opensIn) }),
      },
    },
  );
  return { event: event.id, performance: made.id };
}

export async function orders(server: Server, token: string): Promise<Order[]> {
  return (await call<{ items: Order[] }>(server, 'GET', '/me/orders', { token })).items;
}

export async function hold(
  server: Server,
  token: string,
  performance: string,
  seats: readonly number[],
): Promise<Reservation> {
  const path = `/performances/${performance}/reservations`;
  return call(server, 'POST', path, { token, body: { seat_ids: seats } });
}

export async function stats(server: Server, performance: string): Promise<Schemas['StatsDto']> {
  return call(server, 'GET', `/performances/${performance}/stats`, { token: await logIn(server) });
}
