/** What the seats of a performance are shown from. */
import { type Schemas, given, open } from '$lib/api/client';
import { type Occasion, occasion } from '$lib/events/occasion';
import { type Reservation, reservations } from '$lib/reservations/reservations';

export interface Seating extends Occasion {
  plan: Schemas['PerformancePlan'];
  availability: Schemas['AvailabilityDto'];
}

export interface House extends Seating {
  /** What this buyer has of it; nothing where that could not be told. */
  mine: Reservation[] | undefined;
}

export async function house(id: string, signal: AbortSignal): Promise<House> {
  const params = { path: { performance_id: id } };
  const [about, plan, availability, mine] = await Promise.all([
    occasion(id),
    given(open.GET('/api/v1/performances/{performance_id}/plan', { params, signal })),
    given(open.GET('/api/v1/performances/{performance_id}/availability', { params, signal })),
    // The seats are worth showing without.
    mineOf(id, signal).catch(() => undefined),
  ]);
  return { ...about, plan, availability, mine };
}

/** What this buyer has of a performance: held, being paid, or paid. */
export async function mineOf(id: string, signal: AbortSignal): Promise<Reservation[]> {
  const all = await reservations(signal);
  const alive = ['held', 'paying', 'confirmed'];
  return all.filter(
    (reservation) => reservation.performance_id === id && alive.includes(reservation.status),
  );
}
