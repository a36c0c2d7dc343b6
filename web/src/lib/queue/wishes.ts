/** Wishes for what comes back: the calls. */
import { type Schemas, given, own } from '$lib/api/client';

export type Wish = Schemas['Wish'];
export type WishToPut = Schemas['WishToPut'];

export interface WishCalls {
  read(event: string, ticket: string, signal: AbortSignal): Promise<Wish>;
  put(event: string, ticket: string, wish: WishToPut): Promise<Wish>;
  withdraw(event: string, ticket: string): Promise<void>;
}

const PATH = '/api/v1/events/{event_id}/queue/wish';

const withTicket = (event: string, ticket: string) => ({
  params: { path: { event_id: event }, header: { 'Queue-Ticket': ticket } },
});

export const wishCalls: WishCalls = {
  read: (event, ticket, signal) => given(own.GET(PATH, { ...withTicket(event, ticket), signal })),
  put: (event, ticket, body) => given(own.PUT(PATH, { ...withTicket(event, ticket), body })),
  withdraw: async (event, ticket) => {
    await given(own.DELETE(PATH, withTicket(event, ticket)));
  },
};
