/**
 * The ways to hear the feed: a WebSocket, server-sent events, and asking again and again.
 *
 * Invariant: a line tells `onclose` once, after which it tells nothing more; closing it from this side tells nothing.
 */
import { type Schemas, brief, given } from '$lib/api/client';

import { EventStreamParser } from './event-stream';

export interface Line {
  close(): void;
}

export interface Ear {
  /** The connection stands. */
  onopen(): void;
  onmessage(message: string): void;
  /** A sign of life that is no message. */
  onalive(): void;
  onclose(): void;
}

/** Opens a line that continues from a position. */
export type OpenLine = (performance: string, from: string | null, ear: Ear) => Line;

function liveUrl(performance: string, from: string | null): URL {
  const url = new URL(`/api/v1/performances/${performance}/live`, location.origin);
  if (from) url.searchParams.set('from', from);
  return url;
}

export const socketLine: OpenLine = (performance, from, ear) => {
  const url = liveUrl(performance, from);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url);
  let over = false;
  const end = () => {
    if (!over) ear.onclose();
    over = true;
  };
  socket.onopen = () => ear.onopen();
  socket.onmessage = (event) => {
    if (!over) ear.onmessage(String(event.data));
  };
  socket.onerror = end;
  socket.onclose = end;
  return {
    close() {
      over = true;
      socket.close();
    },
  };
};

/** Server-sent events from an address. */
export function eventsFrom(url: URL, ear: Ear): Line {
  const controller = new AbortController();
  const { signal } = controller;
  const listen = async () => {
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream' },
      cache: 'no-store',
      signal,
    });
    const type = response.headers.get('content-type') ?? '';
    if (!response.ok || !response.body || !type.startsWith('text/event-stream')) {
      await response.body?.cancel();
      return;
    }
    ear.onopen();
    const parser = new EventStreamParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done || signal.aborted) return;
      for (const heard of parser.push(value)) {
        if (heard === 'comment') ear.onalive();
        else ear.onmessage(heard.data);
      }
    }
  };
  const end = () => {
    if (signal.aborted) return;
    controller.abort();
    ear.onclose();
  };
  listen().then(end, end);
  return { close: () => controller.abort() };
}

export const eventsLine: OpenLine = (performance, from, ear) =>
  eventsFrom(liveUrl(performance, from), ear);

/** The states as they are now, asked for once. */
export function askAvailability(
  performance: string,
  signal: AbortSignal,
): Promise<Schemas['AvailabilityDto']> {
  const params = { path: { performance_id: performance } };
  return given(brief.GET('/api/v1/performances/{performance_id}/availability', { params, signal }));
}
