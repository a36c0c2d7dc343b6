/**
 * One buyer paying for one reservation.
 *
 * Invariants: at most one request to pay is under way; a request whose outcome is unknown keeps its key, so that asking
 * again cannot pay twice; when no answer comes, the reservation itself is asked what became of it before anything is said.
 */
import { Attempts } from '$lib/api/attempts';
import { Problem, asProblem } from '$lib/api/problems';

import type { ActionNeeded, Confirm, Confirmed, Reservation } from './reservations';

export type Stage = 'ready' | 'paying' | 'checking' | 'action' | 'acting';

export interface PaymentParts {
  confirm(id: string, body: Confirm, key: string): Promise<Confirmed>;
  /** Comes back to a payment that was begun; nothing where none is under way any more. */
  resume(id: string): Promise<Confirmed | undefined>;
  /** Shows the buyer what the provider wants of them; gives what went wrong. */
  act(action: ActionNeeded): Promise<Problem | undefined>;
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
  /** Counts what was begun; whoever follows an earlier one leaves off. */
  #turn = 0;

  constructor(id: string, parts: PaymentParts) {
    this.#id = id;
    this.#parts = parts;
  }

  get busy(): boolean {
    return this.stage !== 'ready' && this.stage !== 'action';
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Pays what `make` says, which may ask a card form first. Called while a payment is under way it does nothing. */
  async pay(make: () => Confirm | Promise<Confirm>): Promise<void> {
    if (this.busy) return;
    this.#begin('paying');
    let body: Confirm;
    try {
      body = await make();
    } catch (error) {
      // Nothing was asked of the server.
      this.problem = asProblem(error);
      this.stage = 'ready';
      return;
    }
    if (this.#stop.signal.aborted) return;
    try {
      const confirmed = await this.#parts.confirm(this.#id, body, this.#attempts.keyFor(body));
      this.#attempts.decided();
      if ('action' in confirmed && confirmed.action.client_secret) {
        this.action = confirmed.action;
        await this.#act(confirmed.action);
      } else {
        await this.#told(confirmed);
      }
    } catch (error) {
      await this.#failed(asProblem(error));
    }
  }

  /** Shows the buyer once more what the provider wants of them. */
  async act(): Promise<void> {
    if (this.busy || !this.action) return;
    this.#begin('acting');
    await this.#act(this.action);
  }

  /** Waits for the end of a payment that is known to be under way. */
  async settle(): Promise<void> {
    if (this.busy) return;
    this.#begin('checking');
    await this.#resume(undefined);
  }

  #begin(stage: Stage): void {
    this.#turn += 1;
    this.stage = stage;
    this.problem = undefined;
  }

  async #act(action: ActionNeeded): Promise<void> {
    this.stage = 'acting';
    const problem = await this.#parts.act(action);
    if (this.#stop.signal.aborted) return;
    this.stage = 'checking';
    await this.#resume(problem);
  }

  /** Asks the server what has become of it. `cause` is what is known to have gone wrong. */
  async #resume(cause: Problem | undefined): Promise<void> {
    let found: Confirmed | undefined;
    try {
      found = await this.#parts.resume(this.#id);
    } catch (error) {
      await this.#failed(asProblem(error), cause);
      return;
    }
    if (found) {
      this.problem = 'action' in found ? cause : undefined;
      await this.#told(found);
      return;
    }
    this.action = undefined;
    const reservation = await this.#look();
    if (reservation?.status === 'confirmed' && reservation.order_id) {
      this.#parts.onpaid(reservation.order_id);
      return;
    }
    if (!reservation || reservation.status === 'held') this.problem = cause ?? declined;
    this.stage = 'ready';
  }

  async #told(confirmed: Confirmed): Promise<void> {
    if (this.#stop.signal.aborted) return;
    if ('paid' in confirmed) {
      this.#parts.onpaid(confirmed.paid.id);
      return;
    }
    this.action = confirmed.action;
    this.stage = 'action';
    await this.#follow(undefined, ASK_AT_MOST_FOR_ACTION);
  }

  async #failed(problem: Problem, cause: Problem = problem): Promise<void> {
    if (problem.undecided || problem.code === 'payment_under_way') {
      this.stage = 'checking';
      await this.#follow(cause, ASK_AT_MOST);
      return;
    }
    this.#attempts.decided();
    this.problem = problem;
    await this.#look();
    this.stage = 'ready';
  }

  /** Asks the reservation until it is known how it ends. `cause` is what made us ask. */
  async #follow(cause: Problem | undefined, atMost: number): Promise<void> {
    const turn = this.#turn;
    const isOver = () => this.#stop.signal.aborted || turn !== this.#turn;
    for (let asked = 0; asked < atMost && !isOver(); asked += 1) {
      const reservation = await this.#look();
      if (isOver()) return;
      if (!reservation) break;
      if (reservation.status === 'confirmed' && reservation.order_id) {
        this.#attempts.decided();
        this.#parts.onpaid(reservation.order_id);
        return;
      }
      if (reservation.status !== 'paying') {
        // Held again: the attempt is over and nothing was charged. Otherwise the reservation speaks for itself.
        if (reservation.status === 'held') this.problem = cause ?? declined;
        this.action = undefined;
        this.stage = 'ready';
        return;
      }
      await this.#parts.sleep(ASK_EVERY_MS);
    }
    if (isOver()) return;
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
