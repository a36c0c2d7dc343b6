/**
 * The server's interface, typed by its own description.
 *
 * Invariant: a call gives data or throws a `Problem`. `open` asks as nobody, `own` as the buyer of this browser.
 */
import createClient, { type Client } from 'openapi-fetch';

import { session } from '$lib/session/session.svelte';
import { serverClock } from '$lib/time/server-clock';

import { asProblem, problemOf } from './problems';
import { patience, retryAfterMs, robust, surroundings } from './robust';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

const timed = {
  ...surroundings,
  async fetch(request: Request): Promise<Response> {
    const sentAt = Date.now();
    const response = await surroundings.fetch(request);
    serverClock.observe(response.headers.get('date'), sentAt, Date.now());
    return response;
  },
};

const baseUrl = location.origin;
const patiently = robust(timed);

const once = robust(timed, { limits: { ...patience, attempts: 1 } });

/** Sends as the buyer; a token that the server does not accept any more is exchanged once. */
const asBuyer = (fetch: typeof patiently) => async (request: Request) => {
  const send = (token: string | undefined) => {
    const copy = request.clone();
    if (token) copy.headers.set('authorization', `Bearer ${token}`);
    return fetch(copy);
  };
  const token = await session.token();
  const response = await send(token);
  if (response.status !== 401 || !token) return response;
  const next = await session.renew(token);
  return next ? send(next) : response;
};

export const open: Client<paths> = createClient<paths>({ baseUrl, fetch: patiently });
/** For what is asked again soon anyway. */
export const brief: Client<paths> = createClient<paths>({
  baseUrl,
  fetch: robust(timed, { limits: { ...patience, attempts: 2 } }),
});
export const own: Client<paths> = createClient<paths>({ baseUrl, fetch: asBuyer(patiently) });
/** For who asks every second and decides when to ask again: one attempt. */
export const ownOnce: Client<paths> = createClient<paths>({ baseUrl, fetch: asBuyer(once) });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** When the server wants to be asked again, as problems say it. */
function whenAgain(response: Response): object {
  const later = retryAfterMs(response);
  return later === undefined ? {} : { retry_after_ms: later };
}

const asObject = (body: unknown) => (typeof body === 'object' ? body : undefined);

/** The data of an answer, or its problem thrown. */
export async function given<T>(answer: Promise<Answer<T>>): Promise<T> {
  return (await answered(answer)).data;
}

/** As `given`, with the status, for calls that have more than one kind of success. */
export async function answered<T>(
  answer: Promise<Answer<T>>,
): Promise<{ data: T; status: number }> {
  let settled: Answer<T>;
  try {
    settled = await answer;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw asProblem(error);
  }
  const { data, error, response } = settled;
  if (!response.ok) throw problemOf(response, { ...whenAgain(response), ...asObject(error) });
  return { data: data as T, status: response.status };
}
