/** Holding seats and paying for them: the calls. */
import { type Schemas, answered, given, own } from '$lib/api/client';
import { passHeader } from '$lib/queue/passes';
import { session } from '$lib/session/session.svelte';

export type Reservation = Schemas['Reservation'];
export type Order = Schemas['Order'];
export type Confirm = Schemas['Confirm'];
export type Wish =
  | { seat_ids: number[] }
  | { area_id: number; quantity: number }
  | { best_available: Schemas['BestAvailableDto'] };

const LISTED = 50;

/**
 * Holds seats or places of a performance of an event, all or none; a buyer who is nobody yet becomes a guest. The pass of
 * a waiting room goes along by itself.
 */
export async function hold(
  event: string,
  performance: string,
  wish: Wish,
  key: string,
): Promise<Reservation> {
  await session.ensure();
  return given(
    own.POST('/api/v1/performances/{performance_id}/reservations', {
      params: {
        path: { performance_id: performance },
        header: { 'Idempotency-Key': key, ...passHeader(event) },
      },
      body: wish,
    }),
  );
}

export function reservation(id: string, signal: AbortSignal): Promise<Reservation> {
  const params = { path: { reservation_id: id } };
  return given(own.GET('/api/v1/reservations/{reservation_id}', { params, signal }));
}

/** The latest ones; nobody has none. */
export async function reservations(signal: AbortSignal): Promise<Reservation[]> {
  if (!(await session.token())) return [];
  const params = { query: { limit: LISTED } };
  return (await given(own.GET('/api/v1/me/reservations', { params, signal }))).items;
}

export function extend(id: string): Promise<Reservation> {
  const params = { path: { reservation_id: id } };
  return given(own.POST('/api/v1/reservations/{reservation_id}/extend', { params }));
}

export async function cancel(id: string): Promise<void> {
  const params = { path: { reservation_id: id } };
  await given(own.DELETE('/api/v1/reservations/{reservation_id}', { params }));
}

/** The provider wants something of the buyer. */
export type ActionNeeded = Schemas['ActionNeeded'];

export type Confirmed = { paid: Order } | { action: ActionNeeded };

export async function confirm(id: string, body: Confirm, key: string): Promise<Confirmed> {
  const { data, status } = await answered(
    own.POST('/api/v1/reservations/{reservation_id}/confirm', {
      params: { path: { reservation_id: id }, header: { 'Idempotency-Key': key } },
      body,
    }),
  );
  return status === 202 ? { action: data as ActionNeeded } : { paid: data as Order };
}

/** Comes back to a payment that was begun; nothing where none is under way any more. */
export async function resume(id: string): Promise<Confirmed | undefined> {
  const params = { path: { reservation_id: id } };
  const { data, status } = await answered(
    own.POST('/api/v1/reservations/{reservation_id}/resume', { params }),
  );
  if (status === 204) return undefined;
  return status === 202 ? { action: data as ActionNeeded } : { paid: data as Order };
}

export function order(id: string, signal: AbortSignal): Promise<Order> {
  return given(
    own.GET('/api/v1/orders/{order_id}', { params: { path: { order_id: id } }, signal }),
  );
}

export async function orders(signal: AbortSignal): Promise<Order[]> {
  if (!(await session.token())) return [];
  const params = { query: { limit: LISTED } };
  return (await given(own.GET('/api/v1/me/orders', { params, signal }))).items;
}
