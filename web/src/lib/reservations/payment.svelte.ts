/**
 * One buyer paying for one reservation.
 *
 * Invariants: at most one request to pay is under way; a request whose outcome is unknown keeps its key, so that asking
 * again cannot pay twice; when no answer comes, the reservation itself is asked what became of it before anything is said.
 */
import { Attempts } from '$lib/api/attempts';
import { Problem, asProblem } from '$lib/api/problems';

import type { ActionNeeded, Confirm, Confirmed, Reservation } from './reservations';

export type Stage = 'ready' | 'paying' | 'checking' | 'action';

export interface PaymentParts {
  confirm(id: string, body: Confirm, key: string): Promise<Confirmed>;
  read(id: string, signal: AbortSignal): Promise<Reservation>;
  sleep(ms: number): Promise<void>;
  onpaid(order: string): void;
  /** The reservation was read anew. */
  onread(reservation: Reservation): void;
}

const ASK_EVERY_MS = 1_500;
/** 20 s for the provider's answer, 20 s for asking it, and the reconciler after that. */
const ASK_AT_MOST = 60;
/** A buyer at their bank takes longer. */
const ASK_AT_MOST_FOR_ACTION = 600;

export class Payment {
  stage = $state<Stage>('ready');
  problem = $state.raw<Problem>();
  action = $state.raw<ActionNeeded>();
  readonly #id: string;
  readonly #parts: PaymentParts;
  readonly #attempts = new Attempts();
  readonly #stop = new AbortController();

  constructor(id: string, parts: PaymentParts) {
    this.#id = id;
    this.#parts = parts;
  }

  get busy(): boolean {
    return this.stage === 'paying' || this.stage === 'checking';
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Pays. Called while a payment is under way it does nothing. */
  async pay(body: Confirm): Promise<void> {
    if (this.busy) return;
    this.stage = 'paying';
    this.problem = undefined;
    try {
      const confirmed = await this.#parts.confirm(this.#id, body, this.#attempts.keyFor(body));
      this.#attempts.decided();
      if ('paid' in confirmed) {
        this.#parts.onpaid(confirmed.paid.id);
        return;
      }
      this.action = confirmed.action;
      this.stage = 'action';
      await this.#follow(undefined, ASK_AT_MOST_FOR_ACTION);
    } catch (error) {
      await this.#failed(asProblem(error));
    }
  }

  /** Waits for the end of a payment that is known to be under way. */
  async settle(): Promise<void> {
    if (this.busy) return;
    this.stage = 'checking';
    await this.#follow(undefined, ASK_AT_MOST);
  }

  async #failed(problem: Problem): Promise<void> {
    if (problem.undecided || problem.code === 'payment_under_way') {
      this.stage = 'checking';
      await this.#follow(problem, ASK_AT_MOST);
      return;
    }
    this.#attempts.decided();
    this.problem = problem;
    await this.#look();
    this.stage = 'ready';
  }

  /** Asks the reservation until it is known how it ends. `cause` is what made us ask. */
  async #follow(cause: Problem | undefined, atMost: number): Promise<void> {
    for (let asked = 0; asked < atMost && !this.#stop.signal.aborted; asked += 1) {
      const reservation = await this.#look();
      if (this.#stop.signal.aborted) return;
      if (!reservation) break;
      if (reservation.status === 'confirmed' && reservation.order_id) {
        this.#attempts.decided();
        this.#parts.onpaid(reservation.order_id);
        return;
      }
      if (reservation.status !== 'paying' && this.stage !== 'action') {
        // Held again: the attempt is over and nothing was charged. Otherwise the reservation speaks for itself.
        if (reservation.status === 'held') this.problem = cause ?? declined;
        this.stage = 'ready';
        return;
      }
      if (reservation.status === 'cancelled' || reservation.status === 'expired') break;
      await this.#parts.sleep(ASK_EVERY_MS);
    }
    if (this.#stop.signal.aborted) return;
    this.problem = cause ?? new Problem({ status: 0, code: 'network' });
    this.action = undefined;
    this.stage = 'ready';
  }

  async #look(): Promise<Reservation | undefined> {
    try {
      const reservation = await this.#parts.read(this.#id, this.#stop.signal);
      this.#parts.onread(reservation);
      return reservation;
    } catch {
      // Whoever asked has something better to say than that asking failed.
      return undefined;
    }
  }
}

const declined = new Problem({ status: 402, code: 'payment_declined' });
