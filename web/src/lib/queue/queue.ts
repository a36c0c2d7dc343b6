/** The waiting room: the calls. */
import { type Schemas, brief, given, open, own } from '$lib/api/client';
import { session } from '$lib/session/session.svelte';

import type { Pass } from './kept';

export type Place = Schemas['QueuePlace'];
export type Status = 'lobby' | 'waiting' | 'ready' | 'inside' | 'sold_out' | 'closed';
export type Draw = Schemas['Draw'];

/** Gives a place, or the one that this buyer has; a buyer who is nobody yet becomes a guest. */
export async function join(event: string, proof: string | null): Promise<Place> {
  await session.ensure();
  const params = { path: { event_id: event } };
  return given(own.POST('/api/v1/events/{event_id}/queue', { params, body: { proof } }));
}

const withTicket = (event: string, ticket: string) => ({
  params: { path: { event_id: event }, header: { 'Queue-Ticket': ticket } },
});

export function read(event: string, ticket: string, signal: AbortSignal): Promise<Place> {
  return given(
    brief.GET('/api/v1/events/{event_id}/queue', { ...withTicket(event, ticket), signal }),
  );
}

export async function leave(event: string, ticket: string): Promise<void> {
  await given(open.DELETE('/api/v1/events/{event_id}/queue', withTicket(event, ticket)));
}

export async function enter(event: string, ticket: string): Promise<Pass> {
  const { pass, expires_at } = await given(
    own.POST('/api/v1/events/{event_id}/queue/enter', withTicket(event, ticket)),
  );
  return { pass, expiresAt: expires_at };
}

export function streamUrl(event: string, ticket: string): URL {
  const url = new URL(`/api/v1/events/${event}/queue/stream`, location.origin);
  url.searchParams.set('ticket', ticket);
  return url;
}

export function draw(event: string, signal: AbortSignal): Promise<Draw> {
  const params = { path: { event_id: event } };
  return given(open.GET('/api/v1/events/{event_id}/queue/draw', { params, signal }));
}

export function receipt(event: string, ticket: string, signal: AbortSignal): Promise<unknown> {
  return given(
    open.GET('/api/v1/events/{event_id}/queue/receipt', { ...withTicket(event, ticket), signal }),
  );
}
