/**
 * One person waiting for one event.
 *
 * Invariants: one tab of a browser joins at a time, and the others find its ticket; the turn is claimed when the person
 * says so, and from then on until it is granted; what a page shows is the latest that the server said.
 */
import { Problem, asProblem } from '$lib/api/problems';
import { unhex } from '$lib/crypto/sha256';
import { exclusively } from '$lib/session/exclusively';

import { Following, type Surroundings } from './following';
import { type Pass, forget, keep, kept, watchKept } from './kept';
import type { Prove } from './prove';
import type { Place } from './queue';
import { expectedTries } from './work';

export interface WaitingParts {
  join(event: string, proof: string | null): Promise<Place>;
  enter(event: string, ticket: string): Promise<Pass>;
  leave(event: string, ticket: string): Promise<void>;
  surroundings(event: string, ticket: () => string): Surroundings;
  prove: Prove;
  /** The pass is there. `asked`: because this tab claimed the turn. */
  onpass(asked: boolean): void;
}

/** Between two claims while standing at the door. */
const CLAIM_AGAIN_MS = 1_500;
/** The commitment may change under the work once; more often something is wrong. */
const WORK_AT_MOST = 3;

export class Waiting {
  place = $state.raw<Place>();
  /** Why there is no place, or none any more. */
  problem = $state.raw<Problem>();
  /** Why the last claim or leaving did not work. */
  failure = $state.raw<Problem>();
  joining = $state(false);
  /** How much of the work for joining is done on average, from 0 up. */
  work = $state<number>();
  mending = $state(false);
  claiming = $state(false);
  /** The turn was claimed, and the door is not open yet. */
  atDoor = $state(false);
  left = $state(false);
  aheadAtFirst = $state<number>();
  pass = $state.raw<Pass>();

  readonly #event: string;
  readonly #parts: WaitingParts;
  #following: Following | undefined;
  #ticket: string | undefined;
  #stop = new AbortController();
  #asked = false;

  constructor(event: string, parts: WaitingParts) {
    this.#event = event;
    this.#parts = parts;
  }

  /** Waits until what is given back is called. */
  start(): () => void {
    const stopWatching = watchKept(this.#event, () => this.#othersDid());
    const look = () => {
      if (document.visibilityState !== 'hidden') this.#following?.look();
    };
    const network = () => this.#following?.look();
    document.addEventListener('visibilitychange', look);
    addEventListener('pageshow', look);
    addEventListener('online', network);
    addEventListener('offline', network);
    void this.join();
    return () => {
      this.#stop.abort();
      this.#following?.stop();
      stopWatching();
      document.removeEventListener('visibilitychange', look);
      removeEventListener('pageshow', look);
      removeEventListener('online', network);
      removeEventListener('offline', network);
    };
  }

  /** Joins, or goes on with the place that this browser has. */
  async join(): Promise<void> {
    if (this.joining) return;
    this.#reset();
    this.joining = true;
    try {
      const ticket = await exclusively(`onsale.queue.${this.#event}`, () => this.#ticketFor());
      if (!this.#stop.signal.aborted) this.#follow(ticket);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.problem = asProblem(error);
    }
    this.joining = false;
    this.work = undefined;
  }

  /** Joins anew, after the place was lost. */
  async joinAgain(): Promise<void> {
    forget(this.#event);
    await this.join();
  }

  /** Claims the turn. */
  async claim(): Promise<void> {
    this.#asked = true;
    await this.#enter();
  }

  /** Gives the place up. */
  async leave(): Promise<void> {
    const ticket = this.#ticket;
    if (!ticket) return;
    this.failure = undefined;
    try {
      await this.#parts.leave(this.#event, ticket);
      this.#gone();
      forget(this.#event);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code === 'ticket_invalid') this.#gone();
      else this.failure = problem;
    }
  }

  #reset(): void {
    this.#following?.stop();
    this.#ticket = undefined;
    this.#asked = false;
    this.place = this.problem = this.failure = this.pass = this.aheadAtFirst = undefined;
    this.left = this.mending = this.atDoor = false;
  }

  async #ticketFor(): Promise<string> {
    const before = kept(this.#event);
    if (before) {
      this.aheadAtFirst = before.aheadAtFirst;
      return before.ticket;
    }
    const place = await this.#joinWithWork();
    keep(this.#event, { ticket: place.ticket });
    this.#show(place);
    return place.ticket;
  }

  async #joinWithWork(): Promise<Place> {
    let proof: string | null = null;
    for (let worked = 0; ; worked += 1) {
      try {
        return await this.#parts.join(this.#event, proof);
      } catch (error) {
        const problem = asProblem(error);
        const challenge = unhex(problem.text('challenge') ?? '-');
        const bits = problem.extras['bits'];
        const isDoable = challenge !== undefined && typeof bits === 'number';
        if (problem.code !== 'work_required' || !isDoable || worked >= WORK_AT_MOST) throw problem;
        this.work = 0;
        const onprogress = (tried: number) => (this.work = tried / expectedTries(bits));
        proof = await this.#parts.prove({ challenge, bits }, onprogress, this.#stop.signal);
      }
    }
  }

  #follow(ticket: string): void {
    this.#ticket = ticket;
    const surroundings = this.#parts.surroundings(this.#event, () => this.#ticket ?? ticket);
    this.#following = new Following(surroundings, {
      onplace: (place) => this.#show(place),
      onrefused: (problem) => this.#refuse(problem),
      onmending: (mending) => (this.mending = mending),
    });
    this.#following.start();
  }

  #show(place: Place): void {
    this.place = place;
    if (place.ahead !== null && place.ahead !== undefined && this.aheadAtFirst === undefined) {
      this.aheadAtFirst = place.ahead;
      const before = kept(this.#event);
      if (before) keep(this.#event, { ...before, aheadAtFirst: place.ahead });
    }
    if (place.status === 'inside' && !this.pass) void this.#enter();
  }

  async #enter(): Promise<void> {
    const ticket = this.#ticket;
    if (!ticket || this.claiming || this.pass) return;
    this.claiming = true;
    this.failure = undefined;
    try {
      const pass = await this.#parts.enter(this.#event, ticket);
      if (this.#stop.signal.aborted || this.#ticket !== ticket) return;
      this.#admit(pass);
      keep(this.#event, { ...kept(this.#event), ticket, pass });
      this.#parts.onpass(this.#asked);
    } catch (error) {
      if (this.#stop.signal.aborted || this.#ticket !== ticket) return;
      this.#refuseEntry(asProblem(error));
    } finally {
      this.claiming = false;
    }
  }

  #refuseEntry(problem: Problem): void {
    switch (problem.code) {
      case 'not_your_turn':
        // Claimed while it is full: the next who leaves makes room, and the same claim is granted.
        this.atDoor = problem.extras['at_door'] === true;
        if (this.atDoor) this.#claimLater();
        else this.failure = problem;
        return;
      case 'ticket_invalid':
      case 'sold_out':
      case 'sale_closed':
        return this.#refuse(problem);
      default:
        this.failure = problem;
    }
  }

  #claimLater(): void {
    setTimeout(() => {
      if (!this.#stop.signal.aborted && this.atDoor) void this.#enter();
    }, CLAIM_AGAIN_MS);
  }

  #admit(pass: Pass): void {
    this.pass = pass;
    this.atDoor = false;
  }

  #refuse(problem: Problem): void {
    this.#following?.stop();
    if (problem.code === 'ticket_invalid') forget(this.#event);
    this.#ticket = undefined;
    this.atDoor = false;
    this.place = undefined;
    this.problem = problem;
  }

  #gone(): void {
    this.#reset();
    this.left = true;
  }

  /** Another tab has joined, entered, left, or found out that the place is over. */
  #othersDid(): void {
    const now = kept(this.#event);
    if (this.joining) return;
    if (!now) {
      // The server tells a place that was left from one that waits only when its turn comes.
      if (this.#ticket) this.#refuse(new Problem({ status: 403, code: 'ticket_invalid' }));
    } else if (now.ticket !== this.#ticket) {
      void this.join();
    } else if (now.pass && !this.pass) {
      this.#admit(now.pass);
      this.#following?.look();
    }
  }
}
