/** The wallet of an account: the calls. */
import { given, own } from '$lib/api/client';
import type { Money } from '$lib/messages/format';

export async function balance(signal: AbortSignal): Promise<Money> {
  return (await given(own.GET('/api/v1/me/wallet', { signal }))).balance;
}

/** Gives the new balance. */
export async function topUp(amount: Money, key: string): Promise<Money> {
  const headers = { 'Idempotency-Key': key };
  const answer = await given(own.POST('/api/v1/me/wallet/top-ups', { body: { amount }, headers }));
  return answer.balance;
}
