/**
 * What the dashboard asks the server, and what it does through it.
 *
 * Invariant: a request is one attempt with a time-out, so that whoever asks every second decides when to ask again; it
 * gives data or throws a `Problem`, which says in `retry_after_ms` when the server wants to be asked again.
 */
import type { Schemas } from '$lib/api/client';
import { problemOf, unanswered } from '$lib/api/problems';
import { retryAfterMs } from '$lib/api/robust';
import { session } from '$lib/session/session.svelte';
import { serverClock } from '$lib/time/server-clock';

/** Units by their state. `drift` is the capacity minus the rest: anything but 0 is an alarm. */
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

export interface PerformanceFigures {
  id: string;
  starts_at: string;
  sale_opens_at?: string | null;
  sale_closes_at?: string | null;
  viewers: number;
  stock: Stock;
  sections: Section[];
}

export type Room = Schemas['QueueControl'] & { entered: number; no_shows: number };

export interface Traffic {
  window_s: number;
  requests_per_s: number;
  /** A share, 0 to 1. */
  error_rate: number;
  /** Nothing where nothing was asked. */
  p50_ms?: number | null;
  p95_ms?: number | null;
  p99_ms?: number | null;
  refusals: Record<string, number>;
}

/** How all of the event stood at a second. */
export interface Moment {
  at_ms: number;
  available: number;
  held: number;
  paying: number;
  sold: number;
  joined: number;
  waiting: number;
  inside: number;
  entered: number;
  no_shows: number;
  viewers: number;
  requests_per_s: number;
  p95_ms?: number | null;
  error_rate: number;
}

export interface Figures {
  at: string;
  at_ms: number;
  performances: PerformanceFigures[];
  room: Room | null;
  sales: { holds: number; orders: number };
  traffic: Traffic;
  history: Moment[];
}

export interface Action {
  id: string;
  at: string;
  by?: { account_id: string; name?: string | null; email?: string | null } | null;
  action: string;
  performance_id?: string | null;
  detail?: Record<string, unknown> | null;
  reason?: string | null;
}

export interface ActionsPage {
  items: Action[];
  next_cursor?: string | null;
}

export interface RoomChange {
  paused?: boolean;
  /** `null`: the event's own again. */
  admit_per_second?: number | null;
  max_inside?: number | null;
  closed?: boolean;
}

export interface SaleChange {
  sale_opens_at?: string | null;
  sale_closes_at?: string | null;
}

/** A lever is pulled once and waited for. */
const LEVER_MS = 15_000;
const LISTED = 20;

type Method = 'GET' | 'POST' | 'PATCH';

async function ask<T>(
  method: Method,
  path: string,
  signal: AbortSignal,
  body?: Record<string, unknown>,
): Promise<T> {
  const send = async (token: string | undefined) => {
    const sentAt = Date.now();
    const response = await fetch(`${location.origin}/api/v1${path}`, {
      method,
      signal,
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    serverClock.observe(response.headers.get('date'), sentAt, Date.now());
    return { response, data: (await response.json().catch(() => null)) as unknown };
  };
  let answer: { response: Response; data: unknown };
  try {
    const token = await session.token();
    answer = await send(token);
    if (answer.response.status === 401 && token) {
      const next = await session.renew(token);
      if (next) answer = await send(next);
    }
    signal.throwIfAborted();
  } catch (error) {
    throw unanswered(error);
  }
  const { response, data } = answer;
  if (response.ok && data !== null) return data as T;
  if (response.ok) throw unanswered(new Error('the answer broke off'));
  const later = retryAfterMs(response);
  throw problemOf(response, {
    ...(typeof data === 'object' ? data : {}),
    ...(later === undefined ? {} : { retry_after_ms: later }),
  });
}

/** How the sale stands, with the seconds after `since`, all that are known if there is none. */
export function figures(
  event: string,
  since: number | undefined,
  signal: AbortSignal,
): Promise<Figures> {
  return ask('GET', `/events/${event}/sale${since === undefined ? '' : `?since=${since}`}`, signal);
}

/** What was done by hand, newest first. */
export function actions(
  event: string,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<ActionsPage> {
  const query = new URLSearchParams({ limit: `${LISTED}`, ...(cursor ? { cursor } : {}) });
  return ask('GET', `/events/${event}/actions?${query}`, signal);
}

const lever = <T>(method: Method, path: string, body: object, reason: string | undefined) =>
  ask<T>(method, path, AbortSignal.timeout(LEVER_MS), { ...body, ...(reason ? { reason } : {}) });

export function changeRoom(event: string, change: RoomChange, reason?: string): Promise<unknown> {
  return lever('PATCH', `/events/${event}/queue/control`, change, reason);
}

/** Every hold lasts at least so long from now; gives how many there were. */
export function extendHolds(
  performance: string,
  bySeconds: number,
  reason?: string,
): Promise<{ extended: number }> {
  return lever('POST', `/performances/${performance}/holds/extend`, { by_s: bySeconds }, reason);
}

export function changeSale(
  performance: string,
  change: SaleChange,
  reason?: string,
): Promise<unknown> {
  return lever('PATCH', `/performances/${performance}`, change, reason);
}
