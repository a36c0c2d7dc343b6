/**
 * Keeps the states of a performance true while somebody looks.
 *
 * A WebSocket if that works, else server-sent events, else polling; whatever breaks is tried again, later and later,
 * spread by chance. Nothing is heard while the page is hidden or the machine offline.
 *
 * Invariants: the states are those of one position at any time; a delta that does not continue from it is not applied,
 * and leads to asking again with what we have; a line on which nothing is heard for too long is taken for dead; at most
 * one line or one poll is open; after `stop` nothing happens any more.
 */
import { type Availability, type DeltaFrame, frameOf } from './frames';
import type { Ear, Line, OpenLine } from './lines';
import { isBehind } from './positions';

/** Where the states are kept. */
export interface States {
  readonly position: string | null;
  snapshot(availability: Availability): void;
  /** False if it does not continue from the position; nothing is applied then. */
  delta(frame: DeltaFrame): boolean;
}

export type Way = 'socket' | 'events' | 'polling';

/** How the feed stands: heard live, asked for now and then, being mended, or resting because nobody looks. */
export type Condition = 'live' | 'polling' | 'mending' | 'resting';

export interface Surroundings {
  openSocket: OpenLine;
  openEvents: OpenLine;
  ask(performance: string, signal: AbortSignal): Promise<Availability>;
  setTimer(run: () => void, ms: number): () => void;
  random(): number;
  /** Whether anybody can see the page. */
  visible(): boolean;
  online(): boolean;
}

export interface Reports {
  oncondition(condition: Condition): void;
  onviewers(viewers: number): void;
}

export const limits = {
  firstPauseMs: 400,
  longestPauseMs: 15_000,
  /** A line that has not opened by then never will. */
  openWithinMs: 8_000,
  /** The server says something at least every 15 s. */
  silenceMs: 20_000,
  /** Failures to open before the next way is tried. */
  failuresPerWay: 2,
  pollEveryMs: 4_000,
  /** How often polling looks whether a better way works by now. */
  pollsBeforeBetter: 10,
  /** Glancing at another tab is no reason to hang up. */
  hiddenForMs: 15_000,
} as const;

export class Feed {
  readonly #performance: string;
  readonly #states: States;
  readonly #reports: Reports;
  readonly #outside: Surroundings;

  #way: Way = 'socket';
  #line: Line | undefined;
  #poll: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;
  #cancelWatch: (() => void) | undefined;
  #cancelRest: (() => void) | undefined;
  /** Breaks since something was last heard. */
  #breaks = 0;
  /** Failures to open on this way. */
  #failures = 0;
  #polls = 0;
  /** Deltas in a row that did not fit; a second one means that continuing does not work. */
  #misfits = 0;
  #condition: Condition | undefined;
  #running = false;
  #resting = false;

  constructor(performance: string, states: States, reports: Reports, outside: Surroundings) {
    this.#performance = performance;
    this.#states = states;
    this.#reports = reports;
    this.#outside = outside;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.look();
  }

  stop(): void {
    this.#running = false;
    this.#hangUp();
    this.#cancelRest?.();
  }

  /** To be called when visibility or the network has changed. */
  look(): void {
    if (!this.#running) return;
    this.#cancelRest?.();
    this.#cancelRest = undefined;
    if (!this.#outside.online()) {
      this.#hangUp();
      this.#resting = true;
      this.#say('mending');
    } else if (this.#outside.visible()) {
      if (this.#resting || this.#condition === undefined) {
        this.#resting = false;
        this.#breaks = 0;
        this.#say('mending');
        this.#connect();
      }
    } else if (!this.#resting) {
      this.#cancelRest = this.#outside.setTimer(() => this.#rest(), limits.hiddenForMs);
    }
  }

  #rest(): void {
    this.#hangUp();
    this.#resting = true;
    this.#say('resting');
  }

  #say(condition: Condition): void {
    if (this.#condition === condition) return;
    this.#condition = condition;
    this.#reports.oncondition(condition);
  }

  #hangUp(): void {
    this.#cancelTimer?.();
    this.#cancelWatch?.();
    this.#cancelTimer = this.#cancelWatch = undefined;
    this.#line?.close();
    this.#line = undefined;
    this.#poll?.abort();
    this.#poll = undefined;
  }

  #connect(): void {
    this.#hangUp();
    if (this.#way === 'polling') {
      void this.#ask();
      return;
    }
    const openLine = this.#way === 'socket' ? this.#outside.openSocket : this.#outside.openEvents;
    // Continuing has failed twice: begin afresh.
    const from = this.#misfits >= 2 ? null : this.#states.position;
    let opened = false;
    const ear: Ear = {
      onopen: () => {
        opened = true;
        this.#watch(limits.silenceMs, ended);
        // Who continues and missed nothing hears nothing: that is well too.
        if (from !== null) this.#say('live');
      },
      onmessage: (message) => {
        opened = true;
        this.#watch(limits.silenceMs, ended);
        this.#hear(message);
      },
      onalive: () => this.#watch(limits.silenceMs, ended),
      onclose: () => ended(),
    };
    const ended = () => {
      this.#hangUp();
      this.#broke(opened);
    };
    this.#watch(limits.openWithinMs, ended);
    this.#line = openLine(this.#performance, from, ear);
  }

  /** (Re)starts the clock on silence. */
  #watch(ms: number, ended: () => void): void {
    this.#cancelWatch?.();
    this.#cancelWatch = this.#outside.setTimer(ended, ms);
  }

  #hear(message: string): void {
    const frame = frameOf(message);
    if (!frame) return;
    if (frame.type === 'presence') {
      this.#reports.onviewers(frame.viewers);
      this.#well();
    } else if (frame.type === 'snapshot') {
      this.#states.snapshot(frame);
      this.#misfits = 0;
      this.#well();
    } else {
      this.#continue(frame);
    }
  }

  #continue(frame: DeltaFrame): void {
    const { position } = this.#states;
    // Said before: a line that was opened while its predecessor still delivered may repeat something.
    if (position !== null && isBehind(frame.to, position) && frame.from !== position) return;
    if (this.#states.delta(frame)) {
      this.#misfits = 0;
      this.#well();
      return;
    }
    // Something was missed. Ask again at once with what we have; if that does not help, without.
    this.#misfits += 1;
    this.#hangUp();
    if (this.#misfits <= 2) this.#connect();
    else this.#broke(true);
  }

  #well(): void {
    this.#breaks = 0;
    this.#failures = 0;
    this.#say(this.#way === 'polling' ? 'polling' : 'live');
  }

  #broke(opened: boolean): void {
    this.#breaks += 1;
    this.#say('mending');
    this.#failures = opened ? 0 : this.#failures + 1;
    if (this.#failures >= limits.failuresPerWay) {
      this.#failures = 0;
      this.#way = this.#way === 'socket' ? 'events' : 'polling';
    }
    const longest = Math.min(limits.firstPauseMs * 2 ** (this.#breaks - 1), limits.longestPauseMs);
    this.#after(longest * (0.5 + this.#outside.random() / 2), () => this.#connect());
  }

  #after(ms: number, run: () => void): void {
    this.#cancelTimer?.();
    this.#cancelTimer = this.#outside.setTimer(run, ms);
  }

  async #ask(): Promise<void> {
    const poll = (this.#poll = new AbortController());
    let availability: Availability | undefined;
    try {
      availability = await this.#outside.ask(this.#performance, poll.signal);
    } catch {
      // Told below, by the condition; the request itself was tried several times.
    }
    if (poll.signal.aborted) return;
    this.#poll = undefined;
    this.#polls += 1;
    if (!availability) {
      this.#polls = 0;
      this.#way = 'socket';
      this.#broke(true);
      return;
    }
    const { position } = this.#states;
    // An answer that was overtaken on its way is older than what is shown.
    if (position === null || !isBehind(availability.position, position)) {
      this.#states.snapshot(availability);
    }
    this.#well();
    if (this.#polls % limits.pollsBeforeBetter === 0) this.#way = 'socket';
    this.#after(limits.pollEveryMs * (0.75 + this.#outside.random() / 2), () => this.#connect());
  }
}
