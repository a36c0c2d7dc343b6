/** What organizers do with their events: the calls. */
import { type Schemas, given, open, own } from '$lib/api/client';
import {
  event as readEvent,
  performance as readPerformance,
  performancesOf,
} from '$lib/events/catalogue';
import type { Seating } from '$lib/selection/house';

import type { Event, EventChanges } from './settings';

export type { Event };
export type Performance = Schemas['Performance'];
export type Stats = Schemas['StatsDto'];
export type Order = Schemas['Order'];
export type Plan = Schemas['SeatingPlan'];
export type NewPerformance = Schemas['NewPerformanceDto'];

export interface Page<T> {
  items: T[];
  next: string | null;
}

export type PlanCategory = Schemas['PlanCategorySize'];
export type Times = Schemas['PerformancePatch'];

export interface OrderWish {
  query: string;
  /** One of `paying`, `paid`, `failed`, `refunded`; any if it is empty. */
  status: string;
}

interface Listed<T> {
  items: T[];
  next_cursor?: string | null;
}

const paged = <T>({ items, next_cursor }: Listed<T>): Page<T> => ({
  items,
  next: next_cursor ?? null,
});
const from = (cursor: string | null) => (cursor ? { cursor } : {});

const EVENTS = 10;
const MOST = 200;
const ORDERS = 25;

/** The caller's own events, newest first. */
export async function myEvents(
  cursor: string | null,
  signal: AbortSignal,
  limit = EVENTS,
): Promise<Page<Event>> {
  const query = { mine: true, limit, ...from(cursor) };
  return paged(await given(own.GET('/api/v1/events', { params: { query }, signal })));
}

/** As many of them as there are to choose from. */
export const allMyEvents = async (signal: AbortSignal): Promise<Event[]> =>
  (await myEvents(null, signal, MOST)).items;

export function create(changes: EventChanges, key: string): Promise<Event> {
  return given(
    own.POST('/api/v1/events', {
      headers: { 'Idempotency-Key': key },
      body: changes as Schemas['NewEvent'],
    }),
  );
}

export function change(event: string, changes: EventChanges): Promise<Event> {
  return given(
    own.PATCH('/api/v1/events/{event_id}', {
      params: { path: { event_id: event } },
      body: changes as Schemas['EventPatch'],
    }),
  );
}

export async function remove(event: string): Promise<void> {
  const params = { path: { event_id: event } };
  await given(own.DELETE('/api/v1/events/{event_id}', { params }));
}

export function stats(performance: string, signal: AbortSignal): Promise<Stats> {
  const params = { path: { performance_id: performance } };
  return given(own.GET('/api/v1/performances/{performance_id}/stats', { params, signal }));
}

export function addPerformance(
  event: string,
  body: NewPerformance,
  key: string,
): Promise<Performance> {
  return given(
    own.POST('/api/v1/events/{event_id}/performances', {
      params: { path: { event_id: event } },
      headers: { 'Idempotency-Key': key },
      body,
    }),
  );
}

export function reschedule(performance: string, body: Times): Promise<Performance> {
  const params = { path: { performance_id: performance } };
  return given(own.PATCH('/api/v1/performances/{performance_id}', { params, body }));
}

export async function plans(signal: AbortSignal): Promise<Plan[]> {
  const params = { query: { limit: MOST } };
  return (await given(open.GET('/api/v1/seating-plans', { params, signal }))).items;
}

export async function categoriesOf(plan: string, signal: AbortSignal): Promise<PlanCategory[]> {
  const params = { path: { plan_id: plan } };
  const answer = await given(open.GET('/api/v1/seating-plans/{plan_id}', { params, signal }));
  return answer.categories ?? [];
}

/** An event and its dates, for who manages it; everybody may read these, so what only organizers may is asked as well. */
export async function managed(
  id: string,
  signal: AbortSignal,
): Promise<{ event: Event; performances: Performance[] }> {
  const [event, performances] = await Promise.all([
    readEvent(id, signal),
    performancesOf(id, signal),
    ordersOf(id, { query: '', status: '' }, null, signal, 1),
  ]);
  return { event, performances };
}

/** A date with its seats, as it is now: its times may have been changed a moment ago. As above. */
export async function houseOf(id: string, signal: AbortSignal): Promise<Seating> {
  const params = { path: { performance_id: id } };
  const [performance, , plan, availability] = await Promise.all([
    readPerformance(id, signal),
    stats(id, signal),
    given(open.GET('/api/v1/performances/{performance_id}/plan', { params, signal })),
    given(open.GET('/api/v1/performances/{performance_id}/availability', { params, signal })),
  ]);
  return { performance, plan, availability, event: await readEvent(performance.event_id, signal) };
}

/** As many seats as fit well into what a request may be large. */
const AT_ONCE = 10_000;

/** Takes seats off sale, or puts them back: all of them or, with `seat_taken`, none of their ten thousand. */
export async function block(
  performance: string,
  seats: readonly number[],
  blocked: boolean,
  reason: string,
): Promise<void> {
  const params = { path: { performance_id: performance } };
  for (let first = 0; first < seats.length; first += AT_ONCE) {
    const seat_ids = seats.slice(first, first + AT_ONCE);
    const body = { seat_ids, blocked, ...(reason ? { reason } : {}) };
    await given(own.POST('/api/v1/performances/{performance_id}/blocks', { params, body }));
  }
}

export async function reconcile(performance: string): Promise<string[]> {
  const params = { path: { performance_id: performance } };
  return (await given(own.POST('/api/v1/performances/{performance_id}/reconcile', { params })))
    .repaired;
}

/** Orders of an event, newest first. */
export async function ordersOf(
  event: string,
  wish: OrderWish,
  cursor: string | null,
  signal: AbortSignal,
  limit = ORDERS,
): Promise<Page<Order>> {
  const query = {
    ...(wish.query ? { query: wish.query } : {}),
    ...(wish.status ? { status: wish.status } : {}),
    limit,
    ...from(cursor),
  };
  const params = { path: { event_id: event }, query };
  return paged(await given(own.GET('/api/v1/events/{event_id}/orders', { params, signal })));
}

export type ExportFile = 'orders' | 'payments' | 'ledger-entries';
export const exportFiles: readonly ExportFile[] = ['orders', 'payments', 'ledger-entries'];

/** A file of the event's books; it needs the organizer's token, so a link alone would not do. */
export function exported(event: string, file: ExportFile): Promise<Blob> {
  const init = { params: { path: { event_id: event } }, parseAs: 'blob' } as const;
  switch (file) {
    case 'orders':
      return given(own.GET('/api/v1/events/{event_id}/orders.csv', init));
    case 'payments':
      return given(own.GET('/api/v1/events/{event_id}/payments.csv', init));
    case 'ledger-entries':
      return given(own.GET('/api/v1/events/{event_id}/ledger-entries.csv', init));
  }
}
