/**
 * Takes over the place of somebody who waited on the page without scripts (`/wait/…`).
 *
 * Invariant: a place that this browser has already, and a buyer that it knows, stay what they are.
 */
import { robust } from '$lib/api/robust';
import { session } from '$lib/session/session.svelte';

import { keep, kept } from './kept';

export interface Carried {
  ticket: string;
  access_token: string | null;
  expires_in: number | null;
}

function isCarried(value: unknown): value is Carried {
  if (typeof value !== 'object' || value === null) return false;
  const { ticket, access_token, expires_in } = value as Record<string, unknown>;
  return (
    typeof ticket === 'string' &&
    (access_token === null || typeof access_token === 'string') &&
    (expires_in === null || typeof expires_in === 'number')
  );
}

export interface CarryParts {
  fetch(request: Request): Promise<Response>;
  /** Becomes a guest; not where somebody is buying already. */
  adopt(access: string, forSeconds: number): Promise<boolean>;
}

const real: CarryParts = {
  fetch: robust(),
  adopt: (access, forSeconds) => session.adopt(access, forSeconds),
};

/** `refused`: there is a place, and this browser is buying as somebody else. */
export type Outcome = 'carried' | 'refused' | 'nothing';

export async function carry(event: string, parts: CarryParts = real): Promise<Outcome> {
  if (kept(event)) return 'nothing';
  const url = new URL(`/wait/${event}/carry`, location.origin);
  const response = await parts.fetch(new Request(url, { method: 'POST' })).catch(() => undefined);
  const carried: unknown = response?.ok ? await response.json().catch(() => undefined) : undefined;
  if (!isCarried(carried)) return 'nothing';
  const { ticket, access_token, expires_in } = carried;
  // The ticket is good only with the buyer whose it is.
  const adopted = access_token === null || (await parts.adopt(access_token, expires_in ?? 0));
  if (!adopted) return 'refused';
  keep(event, { ticket });
  return 'carried';
}
