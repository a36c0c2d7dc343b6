/** Wishes for what comes back: the calls. */
import { type Schemas, given, open, own } from '$lib/api/client';
import { performancesOf } from '$lib/events/catalogue';
import type { Performance } from '$lib/events/sale';

export type Wish = Schemas['Wish'];
export type WishToPut = Schemas['WishToPut'];

export type Plan = Pick<Schemas['PerformancePlan'], 'categories' | 'areas'>;

export interface WishCalls {
  read(event: string, ticket: string, signal: AbortSignal): Promise<Wish>;
  put(event: string, ticket: string, wish: WishToPut): Promise<Wish>;
  withdraw(event: string, ticket: string): Promise<void>;
}

/** What there is to wish for. */
export interface OnOffer {
  dates(event: string, signal: AbortSignal): Promise<Performance[]>;
  plan(performance: string, signal: AbortSignal): Promise<Plan>;
}

const PATH = '/api/v1/events/{event_id}/queue/wish';

const withTicket = (event: string, ticket: string) => ({
  params: { path: { event_id: event }, header: { 'Queue-Ticket': ticket } },
});

export const wishCalls: WishCalls & OnOffer = {
  dates: performancesOf,
  plan: (performance, signal) => {
    const params = { path: { performance_id: performance } };
    return given(open.GET('/api/v1/performances/{performance_id}/plan', { params, signal }));
  },
  read: (event, ticket, signal) => given(own.GET(PATH, { ...withTicket(event, ticket), signal })),
  put: (event, ticket, body) => given(own.PUT(PATH, { ...withTicket(event, ticket), body })),
  withdraw: async (event, ticket) => {
    await given(own.DELETE(PATH, withTicket(event, ticket)));
  },
};
