/**
 * The seats a visitor has picked and not yet held.
 *
 * Invariants: never more than the limit; never a seat that is known to be somebody else's, unless a request to hold it is
 * under way, whose answer will tell.
 */
import { SvelteSet } from 'svelte/reactivity';

import type { Money } from '$lib/messages/format';

export interface PickableSeat {
  id: number;
  label: string;
  section: string;
  price: Money;
}

export class Selection<Seat extends PickableSeat> {
  readonly picked = new SvelteSet<number>();
  readonly seatOf: (id: number) => Seat | undefined;
  readonly #limit: () => number;

  constructor(seatOf: (id: number) => Seat | undefined, limit: () => number) {
    this.seatOf = seatOf;
    this.#limit = limit;
  }

  get seats(): Seat[] {
    return [...this.picked].flatMap((id) => this.seatOf(id) ?? []);
  }

  get total(): Money | undefined {
    const prices = this.seats.map((seat) => seat.price);
    return prices.reduce<Money | undefined>(
      (sum, { amount, currency }) => ({ amount: (sum?.amount ?? 0) + amount, currency }),
      undefined,
    );
  }

  /** False if there is no room for it. */
  pick(id: number): boolean {
    if (this.picked.has(id)) return true;
    if (this.picked.size >= this.#limit() || !this.seatOf(id)) return false;
    this.picked.add(id);
    return true;
  }

  unpick(id: number): void {
    this.picked.delete(id);
  }

  /** Takes out the picked seats that are lost; gives them. */
  drop(isLost: (id: number) => boolean): Seat[] {
    const lost = this.seats.filter((seat) => isLost(seat.id));
    for (const seat of lost) this.picked.delete(seat.id);
    return lost;
  }

  clear(): void {
    this.picked.clear();
  }
}
