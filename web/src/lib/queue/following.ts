/**
 * Keeps a place true while somebody waits: server-sent events if they work, else asking as often as the server says.
 * What breaks is tried again, later and later, spread by chance. It goes on while the page is hidden, because that is how
 * most people wait.
 *
 * Invariants: at most one line or one question is open; a line on which nothing is heard for too long is taken for dead;
 * after `stop`, or a refusal, nothing happens any more.
 */
import { type Problem, asProblem } from '$lib/api/problems';
import type { Ear, Line } from '$lib/live/lines';

import type { Place } from './queue';

export interface Surroundings {
  openEvents(ear: Ear): Line;
  ask(signal: AbortSignal): Promise<Place>;
  setTimer(run: () => void, ms: number): () => void;
  random(): number;
  online(): boolean;
}

export interface Reports {
  onplace(place: Place): void;
  /** The server refuses to go on: the ticket, or the room, is over. */
  onrefused(problem: Problem): void;
  /** Whether what is shown may be old. */
  onmending(mending: boolean): void;
}

export const limits = {
  firstPauseMs: 500,
  longestPauseMs: 15_000,
  openWithinMs: 8_000,
  /** The server shows that it is alive every 15 s. */
  silenceMs: 25_000,
  /** Lines that said nothing before asking is enough. */
  failuresUntilAsking: 2,
  /** How often asking looks whether a line works by now. */
  asksUntilLine: 10,
  leastPollMs: 1_000,
  longestPollMs: 60_000,
  /** A closed room may be opened again; nobody is in a hurry. */
  closedPollMs: 15_000,
} as const;

export class Following {
  readonly #outside: Surroundings;
  readonly #reports: Reports;
  #running = false;
  #line: Line | undefined;
  #question: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  #last: Place | undefined;
  #breaks = 0;
  #failures = 0;
  #asks = 0;

  constructor(outside: Surroundings, reports: Reports) {
    this.#outside = outside;
    this.#reports = reports;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#ask();
  }

  stop(): void {
    this.#running = false;
    this.#hangUp();
  }

  /** To be called after a sleep, or when the network has changed: asks at once. */
  look(): void {
    if (!this.#running) return;
    if (!this.#outside.online()) {
      this.#hangUp();
      this.#reports.onmending(true);
      return;
    }
    this.#breaks = 0;
    this.#failures = 0;
    void this.#ask();
  }

  #hangUp(): void {
    this.#line?.close();
    this.#line = undefined;
    this.#question?.abort();
    this.#question = undefined;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #after(ms: number, run: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#outside.setTimer(run, ms);
  }

  async #ask(): Promise<void> {
    this.#hangUp();
    const question = (this.#question = new AbortController());
    try {
      const place = await this.#outside.ask(question.signal);
      if (question.signal.aborted || !this.#running) return;
      this.#question = undefined;
      this.#asks += 1;
      this.#take(place);
      this.#goOn();
    } catch (error) {
      if (question.signal.aborted || !this.#running) return;
      const problem = asProblem(error);
      if (problem.undecided || problem.code === 'rate_limited') this.#broken();
      else this.#refused(problem);
    }
  }

  /** After an answer: a line, or the next question. */
  #goOn(): void {
    if (!this.#running || !this.#last) return;
    const { status, poll_after_ms } = this.#last;
    if (status === 'sold_out') return this.stop();
    const isLineDue = this.#asks % limits.asksUntilLine === 0;
    if (status === 'closed') {
      this.#after(limits.closedPollMs, () => void this.#ask());
    } else if (this.#failures < limits.failuresUntilAsking || isLineDue) {
      this.#listen();
    } else {
      const pause = Math.min(Math.max(poll_after_ms, limits.leastPollMs), limits.longestPollMs);
      this.#after(pause, () => void this.#ask());
    }
  }

  #listen(): void {
    this.#hangUp();
    let heard = false;
    const watch = (ms: number) => this.#after(ms, ended);
    const ended = () => {
      if (this.#line !== line) return;
      this.#hangUp();
      if (heard) this.#failures = 0;
      else this.#failures += 1;
      // A line ends with the room, with the place, and with the server; asking tells which.
      if (this.#last?.status === 'closed' || this.#last?.status === 'sold_out') this.#goOn();
      else this.#broken();
    };
    const line: Line = this.#outside.openEvents({
      onopen: () => watch(limits.silenceMs),
      onalive: () => watch(limits.silenceMs),
      onmessage: (message) => {
        const place = placeOf(message);
        if (!place || this.#line !== line) return;
        heard = true;
        watch(limits.silenceMs);
        this.#take(place);
      },
      onclose: () => ended(),
    });
    this.#line = line;
    watch(limits.openWithinMs);
  }

  #take(place: Place): void {
    this.#last = place;
    this.#breaks = 0;
    this.#reports.onmending(false);
    this.#reports.onplace(place);
  }

  #broken(): void {
    this.#breaks += 1;
    // One break is every restart of a proxy; only what lasts is worth a word.
    if (this.#breaks > 1 || !this.#last) this.#reports.onmending(true);
    if (!this.#outside.online()) return this.#reports.onmending(true);
    const pause = Math.min(limits.firstPauseMs * 2 ** (this.#breaks - 1), limits.longestPauseMs);
    this.#after(pause * (0.5 + this.#outside.random()), () => void this.#ask());
  }

  #refused(problem: Problem): void {
    this.stop();
    this.#reports.onrefused(problem);
  }
}

function placeOf(message: string): Place | undefined {
  try {
    const value = JSON.parse(message) as Partial<Place> | null;
    return typeof value?.ticket === 'string' && typeof value.status === 'string'
      ? (value as Place)
      : undefined;
  } catch {
    return undefined;
  }
}
