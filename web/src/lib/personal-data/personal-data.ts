/** What is kept of whoever buys in this browser: the calls. */
import { type Schemas, given, own } from '$lib/api/client';
import { save } from '$lib/orders/files';
import { buyerDetails } from '$lib/reservations/buyer';
import { session } from '$lib/session/session.svelte';

import { type MyData, everything, fileName } from './file';

export type { MyData } from './file';
export type Erased = Schemas['Erased'];

const LISTED = 200;

export function myData(signal: AbortSignal): Promise<MyData> {
  return given(own.GET('/api/v1/me/data', { signal }));
}

/** Saves everything as one file, and gives its name; tells on the way how much has come. */
export async function saveAll(signal: AbortSignal, told: (count: number) => void): Promise<string> {
  const from = (cursor: string) => ({ params: { query: { limit: LISTED, cursor } }, signal });
  const reads = {
    data: () => myData(signal),
    orders: (cursor: string) => given(own.GET('/api/v1/me/orders', from(cursor))),
    reservations: (cursor: string) => given(own.GET('/api/v1/me/reservations', from(cursor))),
  };
  const all = await everything(reads, told);
  signal.throwIfAborted();
  const name = fileName(new Date());
  save(new Blob([JSON.stringify(all, null, 2)], { type: 'application/json' }), name);
  return name;
}

/** Erases whoever was shown; nothing where somebody else buys here by now, because another tab may have logged in. */
export async function erase(account: string): Promise<Erased | undefined> {
  const me = await given(own.GET('/api/v1/me'));
  if (me.account_id !== account) return undefined;
  return given(own.DELETE('/api/v1/me/data'));
}

/** What this browser knows of who was erased goes too. */
export function forgetHere(): void {
  session.forget();
  buyerDetails.forget();
}
