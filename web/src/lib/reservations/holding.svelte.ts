/**
 * One buyer holding seats of one performance.
 *
 * Invariants: one request at a time; a request whose outcome is unknown keeps its key, so that trying again finds what the
 * first may have held.
 */
import { Attempts } from '$lib/api/attempts';
import { type Problem, asProblem } from '$lib/api/problems';

import type { Reservation, Wish } from './reservations';

export interface HoldingParts {
  hold(performance: string, wish: Wish, key: string): Promise<Reservation>;
  onheld(reservation: Reservation): void;
}

export class Holding {
  /** What is being held; nothing while nothing is. */
  wish = $state.raw<Wish>();
  problem = $state.raw<Problem>();
  readonly #performance: string;
  readonly #parts: HoldingParts;
  readonly #attempts = new Attempts();

  constructor(performance: string, parts: HoldingParts) {
    this.#performance = performance;
    this.#parts = parts;
  }

  get busy(): boolean {
    return this.wish !== undefined;
  }

  /** Called while a request is under way it does nothing. */
  async take(wish: Wish): Promise<void> {
    if (this.busy) return;
    this.wish = wish;
    this.problem = undefined;
    try {
      let reservation = await this.#hold(wish);
      // An earlier try had succeeded unseen, and what it held has ended since: this is a new wish.
      if (reservation.status !== 'held') reservation = await this.#hold(wish);
      this.#parts.onheld(reservation);
    } catch (error) {
      this.problem = asProblem(error);
      if (!this.problem.undecided) this.#attempts.decided();
    } finally {
      this.wish = undefined;
    }
  }

  async #hold(wish: Wish): Promise<Reservation> {
    const reservation = await this.#parts.hold(
      this.#performance,
      wish,
      this.#attempts.keyFor(wish),
    );
    this.#attempts.decided();
    return reservation;
  }
}
