/**
 * Requests over a bad network.
 *
 * Invariants: every attempt has a time-out; only what may safely happen twice is repeated; repeats are bounded in number
 * and in time, spread by chance, and as late as the server asks.
 */
import { unanswered } from './problems';

export interface Patience {
  /** Attempts in all. */
  attempts: number;
  /** The first pause; each later one is twice as long. */
  firstPauseMs: number;
  longestPauseMs: number;
  /** A `Retry-After` beyond this is for the visitor to decide. */
  longestRetryAfterMs: number;
  /** After this long no further attempt begins. */
  giveUpAfterMs: number;
}

export const patience: Patience = {
  attempts: 7,
  firstPauseMs: 250,
  longestPauseMs: 4_000,
  longestRetryAfterMs: 8_000,
  giveUpAfterMs: 60_000,
};

/** What is outside of this module, so that tests can put something else there. */
export interface Surroundings {
  fetch(request: Request): Promise<Response>;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  random(): number;
  now(): number;
}

export const surroundings: Surroundings = {
  fetch: (request) => fetch(request),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason as Error);
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', stop);
        resolve();
      }, ms);
      signal.addEventListener('abort', stop, { once: true });
    }),
  random: () => Math.random(),
  now: () => performance.now(),
};

/**
 * Whether doing it twice is the same as doing it once; joining a queue, entering from it and coming back to a
 * payment are by their nature.
 */
export function isRepeatable(request: Request): boolean {
  return (
    ['GET', 'HEAD', 'DELETE'].includes(request.method) ||
    request.headers.has('idempotency-key') ||
    /\/(queue(\/enter)?|resume)$/.test(new URL(request.url).pathname)
  );
}

/** How long an attempt may take; a payment waits for the provider, and a large plan for the line. */
export function timeoutMs(request: Request): number {
  return /\/(confirm|resume|seating-plans)$/.test(request.url) ? 45_000 : 15_000;
}

/** Seconds or a date, as RFC 9110 has it. */
export function retryAfterMs(response: Response, nowMs = Date.now()): number | undefined {
  const value = response.headers.get('retry-after');
  if (!value) return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

const statusesOfTheMoment = new Set([429, 502, 503, 504]);

/** Reads the body within the attempt, so that a connection that breaks half-way is a failed attempt. */
async function whole(response: Response): Promise<Response> {
  const body = await response.arrayBuffer();
  const { status, statusText, headers } = response;
  return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
}

/** A `fetch` that repeats what may be repeated; `insistent` says that all of it may. */
export function robust(
  outside: Surroundings = surroundings,
  { insistent = false, limits = patience }: { insistent?: boolean; limits?: Patience } = {},
): (request: Request) => Promise<Response> {
  return async (request) => {
    const repeatable = insistent || isRepeatable(request);
    const begun = outside.now();
    for (let attempt = 1; ; attempt += 1) {
      const last =
        !repeatable || attempt >= limits.attempts || outside.now() - begun >= limits.giveUpAfterMs;
      let asked: number | undefined;
      try {
        const signal = AbortSignal.any([request.signal, AbortSignal.timeout(timeoutMs(request))]);
        const response = await whole(await outside.fetch(new Request(request.clone(), { signal })));
        if (last || !statusesOfTheMoment.has(response.status)) return response;
        asked = retryAfterMs(response);
        if (asked !== undefined && asked > limits.longestRetryAfterMs) return response;
        if (asked === undefined && response.status === 429) return response;
      } catch (error) {
        request.signal.throwIfAborted();
        if (last) throw unanswered(error);
      }
      const pause = Math.min(limits.firstPauseMs * 2 ** (attempt - 1), limits.longestPauseMs);
      await outside.sleep((asked ?? 0) + pause * (0.5 + outside.random() / 2), request.signal);
    }
  };
}
