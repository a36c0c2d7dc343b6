/**
 * What one person in line would take of what comes back, and what is held for them.
 *
 * Invariants: one call that changes something is under way at a time; an answer that was asked for before a change is
 * dropped; it is asked again only while that can bring something new.
 */
import { type Problem, asProblem } from '$lib/api/problems';

import type { Wish, WishCalls, WishToPut } from './wishes';

/** Between two looks; those far back are asked for less often. */
export const LOOK_MS = 5_000;
export const LOOK_FAR_MS = 15_000;
const FAR = 100;

export class Wishing {
  /** Nothing while there is none. */
  wish = $state.raw<Wish>();
  /** Why the last change did not work. */
  problem = $state.raw<Problem>();
  busy = $state(false);
  /** Whether it is known if there is one. */
  known = $state(false);

  readonly #event: string;
  readonly #ticket: string;
  readonly #calls: WishCalls;
  readonly #random: () => number;
  #changes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stop = new AbortController();

  constructor(event: string, ticket: string, calls: WishCalls, random = () => Math.random()) {
    this.#event = event;
    this.#ticket = ticket;
    this.#calls = calls;
    this.#random = random;
  }

  /** Looks until what is given back is called. */
  start(): () => void {
    const look = () => {
      if (document.visibilityState !== 'hidden') void this.look();
    };
    document.addEventListener('visibilitychange', look);
    void this.look();
    return () => {
      this.#stop.abort();
      clearTimeout(this.#timer);
      document.removeEventListener('visibilitychange', look);
    };
  }

  async look(): Promise<void> {
    const before = this.#changes;
    try {
      const wish = await this.#calls.read(this.#event, this.#ticket, this.#stop.signal);
      if (before === this.#changes) this.#show(wish);
    } catch (error) {
      if (this.#stop.signal.aborted || before !== this.#changes) return;
      if (asProblem(error).code === 'not_found') this.#show(undefined);
      else this.#later();
    }
  }

  /** Whether it is noted. */
  async put(wish: WishToPut): Promise<boolean> {
    return this.#change(() => this.#calls.put(this.#event, this.#ticket, wish));
  }

  async withdraw(): Promise<boolean> {
    const { wish } = this;
    if (!wish) return false;
    return this.#change(async () => {
      await this.#calls.withdraw(this.#event, this.#ticket);
      return { ...wish, status: 'withdrawn', offer: null };
    });
  }

  async #change(call: () => Promise<Wish>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    this.#changes += 1;
    try {
      const wish = await call();
      this.#changes += 1;
      if (!this.#stop.signal.aborted) this.#show(wish);
      return true;
    } catch (error) {
      this.problem = asProblem(error);
      // What is there may be another than this page shows.
      void this.look();
      return false;
    } finally {
      this.busy = false;
    }
  }

  #show(wish: Wish | undefined): void {
    if (this.#stop.signal.aborted) return;
    this.wish = wish;
    this.known = true;
    if (wish?.status === 'waiting' || wish?.status === 'offered') this.#later();
    else clearTimeout(this.#timer);
  }

  #later(): void {
    clearTimeout(this.#timer);
    const isFar = this.wish?.status === 'waiting' && this.wish.position > FAR;
    const pause = isFar ? LOOK_FAR_MS : LOOK_MS;
    this.#timer = setTimeout(() => void this.look(), pause * (0.75 + this.#random() / 2));
  }
}
