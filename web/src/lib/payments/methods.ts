/** The ways to pay that the server offers, as far as a page can use them. */
import { type Schemas, given, open } from '$lib/api/client';

export type PaymentMethod = Schemas['PaymentMethod'];
export type PaymentForm = Schemas['PaymentForm'];

/** The ways whose form, where they need one, this page knows how to show. */
export function usable(offered: readonly PaymentMethod[]): PaymentMethod[] {
  return offered.filter(({ method, form }) => method !== 'stripe' || form);
}

export async function paymentMethods(signal: AbortSignal): Promise<PaymentMethod[]> {
  return usable((await given(open.GET('/api/v1/payment-methods', { signal }))).items);
}
