/** What organizers do with orders and webhooks: the calls. */
import { type Schemas, given, own } from '$lib/api/client';

export type Order = Schemas['Order'];
export type Endpoint = Schemas['WebhookEndpoint'];
export type Delivery = Schemas['WebhookDelivery'];
export type Unsettled = Schemas['UnsettledPayment'];
export type DeliveryStatus = 'dead' | 'waiting' | 'sent';

/** Gives the money of some seats back. Asking again completes what was begun and gives nothing twice. */
export function refund(order: string, seats: number[], keepSeats: boolean): Promise<Order> {
  return given(
    own.POST('/api/v1/orders/{order_id}/refund', {
      params: { path: { order_id: order } },
      body: { seat_ids: seats, keep_seats: keepSeats },
    }),
  );
}

/** The id in what somebody has pasted, which may be an address that ends in one. */
export function orderIdIn(text: string): string | undefined {
  return /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/i.exec(text)?.[0].toLowerCase();
}

export async function endpoints(signal: AbortSignal): Promise<Endpoint[]> {
  return (await given(own.GET('/api/v1/webhook-endpoints', { signal }))).items;
}

/** What was left in the middle and is not over, in the organizer's events. */
export async function unsettled(signal: AbortSignal): Promise<Unsettled[]> {
  return (await given(own.GET('/api/v1/unsettled-payments', { signal }))).items;
}

const LISTED = 50;

export async function deliveries(
  status: DeliveryStatus,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<{ items: Delivery[]; next: string | undefined }> {
  const query = { status, limit: LISTED, ...(cursor ? { cursor } : {}) };
  const page = await given(own.GET('/api/v1/webhook-deliveries', { params: { query }, signal }));
  return { items: page.items, next: page.next_cursor ?? undefined };
}

/** Sends off again what was given up. */
export function replay(delivery: string): Promise<Delivery> {
  const params = { path: { delivery_id: delivery } };
  return given(own.POST('/api/v1/webhook-deliveries/{delivery_id}/replay', { params }));
}
