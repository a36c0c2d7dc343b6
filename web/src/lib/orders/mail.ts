/** The e-mail with the tickets of an order. */
import { type Schemas, given, own } from '$lib/api/client';

export type Letter = Schemas['LetterDto'];

/** Sends the tickets again: to the buyer, or where the organizer says. */
export function resend(order: string, email?: string): Promise<Letter> {
  return given(
    own.POST('/api/v1/orders/{order_id}/tickets/resend', {
      params: { path: { order_id: order } },
      body: {
        ...(email ? { email } : {}),
        time_zone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      },
    }),
  );
}
