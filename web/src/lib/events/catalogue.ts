/** Events and their dates, as pages need them. */
import { type Schemas, given, open } from '$lib/api/client';

import type { Performance } from './sale';

export type Event = Schemas['Event'];

/** More dates than this are not listed at once. */
const DATES = 200;
const EVENTS = 24;

export interface EventsPage {
  items: Event[];
  next: string | null;
}

export async function eventsFrom(cursor: string | null, signal: AbortSignal): Promise<EventsPage> {
  const query = { limit: EVENTS, ...(cursor ? { cursor } : {}) };
  const page = await given(open.GET('/api/v1/events', { params: { query }, signal }));
  return { items: page.items, next: page.next_cursor ?? null };
}

export function event(id: string, signal: AbortSignal): Promise<Event> {
  const params = { path: { event_id: id } };
  return given(open.GET('/api/v1/events/{event_id}', { params, signal }));
}

export async function performancesOf(id: string, signal: AbortSignal): Promise<Performance[]> {
  const params = { path: { event_id: id }, query: { limit: DATES } };
  const page = await given(open.GET('/api/v1/events/{event_id}/performances', { params, signal }));
  return page.items;
}

export function performance(id: string, signal: AbortSignal): Promise<Performance> {
  const params = { path: { performance_id: id } };
  return given(open.GET('/api/v1/performances/{performance_id}', { params, signal }));
}
