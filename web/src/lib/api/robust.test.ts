import { describe, expect, it, vi } from 'vitest';

import { Problem } from './problems';
import { type Patience, type Surroundings, isRepeatable, retryAfterMs, robust } from './robust';

const limits: Patience = {
  attempts: 4,
  firstPauseMs: 100,
  longestPauseMs: 300,
  longestRetryAfterMs: 5_000,
  giveUpAfterMs: 10_000,
};

type Turn = (request: Request) => Response | Error;

/** A network that does what it is told, turn by turn, and a clock that moves when somebody sleeps. */
function network(turns: Turn[]) {
  const seen: { key: string | null; body: string }[] = [];
  const slept: number[] = [];
  let clock = 0;
  const outside: Surroundings = {
    async fetch(request) {
      seen.push({ key: request.headers.get('idempotency-key'), body: await request.text() });
      const turn = turns[Math.min(seen.length, turns.length) - 1];
      const outcome = turn?.(request) ?? new Error('no turn');
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
    sleep(ms) {
      slept.push(ms);
      clock += ms;
      return Promise.resolve();
    },
    random: () => 1,
    now: () => clock,
  };
  return { outside, seen, slept };
}

const broken: Turn = () => new TypeError('Failed to fetch');
const status =
  (code: number, headers: Record<string, string> = {}): Turn =>
  () =>
    new Response(code === 204 ? null : '{}', { status: code, headers });

const url = 'http://localhost/api/v1/x';
const get = () => new Request(url);
const post = (key?: string) =>
  new Request(url, {
    method: 'POST',
    body: '{"a":1}',
    headers: key ? { 'idempotency-key': key } : {},
  });

describe('robust', () => {
  it('repeats a request under a key with the same key and body until it gets through', async () => {
    const net = network([broken, status(503), status(201)]);
    const response = await robust(net.outside, { limits })(post('k'));
    expect(response.status).toBe(201);
    expect(net.seen).toEqual(Array.from({ length: 3 }, () => ({ key: 'k', body: '{"a":1}' })));
  });

  it('does not repeat what might happen twice', async () => {
    const net = network([broken, status(201)]);
    await expect(robust(net.outside, { limits })(post())).rejects.toMatchObject({
      code: 'network',
      undecided: true,
    });
    expect(net.seen).toHaveLength(1);
  });

  it('repeats it where it is told that all may be', async () => {
    const net = network([broken, status(201)]);
    const response = await robust(net.outside, { limits, insistent: true })(post());
    expect(response.status).toBe(201);
  });

  it('gives up after so many attempts, with longer and longer pauses', async () => {
    const net = network([broken]);
    await expect(robust(net.outside, { limits })(get())).rejects.toBeInstanceOf(Problem);
    expect(net.seen).toHaveLength(4);
    expect(net.slept).toEqual([100, 200, 300]);
  });

  it('begins no attempt after its time is up', async () => {
    const net = network([broken]);
    const hasty = { ...limits, attempts: 100, giveUpAfterMs: 550 };
    await expect(robust(net.outside, { limits: hasty })(get())).rejects.toBeInstanceOf(Problem);
    expect(net.slept).toEqual([100, 200, 300]);
  });

  it('hands on the last answer of an unavailable server', async () => {
    const net = network([status(503)]);
    expect((await robust(net.outside, { limits })(get())).status).toBe(503);
    expect(net.seen).toHaveLength(4);
  });

  it('waits as long as the server asks', async () => {
    const net = network([status(503, { 'retry-after': '2' }), status(200)]);
    await robust(net.outside, { limits })(get());
    expect(net.slept).toEqual([2100]);
  });

  it('leaves a long wait to the visitor', async () => {
    const net = network([status(429, { 'retry-after': '60' }), status(200)]);
    expect((await robust(net.outside, { limits })(get())).status).toBe(429);
    expect(net.slept).toEqual([]);
  });

  it.each([400, 401, 402, 404, 409, 410, 422, 429, 500])('takes %i for an answer', async (code) => {
    const net = network([status(code), status(200)]);
    expect((await robust(net.outside, { limits })(get())).status).toBe(code);
    expect(net.seen).toHaveLength(1);
  });

  it('takes a body that breaks off for a failed attempt', async () => {
    const half = () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode('{"ha'));
            controller.error(new TypeError('network error'));
          },
        }),
      );
    const net = network([half, () => new Response('{"whole":true}')]);
    const response = await robust(net.outside, { limits })(get());
    expect(await response.json()).toEqual({ whole: true });
  });

  it('stops when nobody wants it any more', async () => {
    const controller = new AbortController();
    const net = network([
      () => {
        controller.abort();
        return new TypeError('aborted');
      },
      status(200),
    ]);
    const request = new Request(url, { signal: controller.signal });
    await expect(robust(net.outside, { limits })(request)).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(net.seen).toHaveLength(1);
  });

  it('gives every attempt a time-out', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout');
    const net = network([broken, status(200)]);
    await robust(net.outside, { limits })(get());
    expect(timeout.mock.calls).toEqual([[15_000], [15_000]]);
    await robust(network([status(201)]).outside, { limits })(
      new Request('http://localhost/api/v1/reservations/x/confirm', {
        method: 'POST',
        headers: { 'idempotency-key': 'k' },
      }),
    );
    expect(timeout).toHaveBeenLastCalledWith(45_000);
  });
});

describe('what may be repeated', () => {
  it('is reading, deleting, and what has a key', () => {
    const of = (method: string, key?: string) =>
      isRepeatable(
        new Request(url, { method, ...(key ? { headers: { 'idempotency-key': key } } : {}) }),
      );
    expect([of('GET'), of('DELETE'), of('POST', 'k')]).toEqual([true, true, true]);
    expect([of('POST'), of('PATCH')]).toEqual([false, false]);
    const posted = (path: string) => isRepeatable(new Request(`${url}${path}`, { method: 'POST' }));
    expect(['/events/1/queue', '/events/1/queue/enter'].map(posted)).toEqual([true, true]);
    expect(['/queue/1', '/events/1/queued'].map(posted)).toEqual([false, false]);
  });
});

describe('Retry-After', () => {
  const of = (value?: string) =>
    retryAfterMs(
      new Response(null, value === undefined ? {} : { headers: { 'retry-after': value } }),
      Date.parse('2026-01-01T00:00:00Z'),
    );

  it('is seconds or a date', () => {
    expect(of('3')).toBe(3000);
    expect(of('Thu, 01 Jan 2026 00:00:05 GMT')).toBe(5000);
    expect(of('Wed, 31 Dec 2025 00:00:05 GMT')).toBe(0);
  });

  it('may be missing or nonsense', () => {
    expect(of()).toBeUndefined();
    expect(of('soon')).toBeUndefined();
  });
});
