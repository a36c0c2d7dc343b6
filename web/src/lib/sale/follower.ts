/**
 * Asks the same thing again and again.
 *
 * Invariants: never two requests at once; each has a time-out; after a failure the pauses get longer, spread by chance,
 * and as late as the server asks; nothing is asked while nobody looks, and at once when somebody looks again. What the
 * server will not answer however often it is asked ends it.
 */
import { type Problem, asProblem, unanswered } from '$lib/api/problems';

export interface Pace {
  everyMs: number;
  /** After a slow answer, the server has at least this long. */
  atLeastMs: number;
  timeoutMs: number;
  longestPauseMs: number;
}

/** What is outside, so that tests can put something else there. */
export interface Outside {
  setTimer(run: () => void, ms: number): () => void;
  /** A clock that only goes forward, in milliseconds. */
  now(): number;
  random(): number;
  visible(): boolean;
}

export interface Heard<T> {
  onanswer(answer: T): void;
  /** `over` says that it will not be asked again. */
  onproblem(problem: Problem, over: boolean): void;
}

const inVain = new Set([400, 401, 403, 404]);

export class Follower<T> {
  readonly #ask: (signal: AbortSignal) => Promise<T>;
  #pace: Pace;
  readonly #heard: Heard<T>;
  readonly #outside: Outside;
  #running = false;
  #current: AbortController | undefined;
  #cancel: (() => void) | undefined;
  #failures = 0;
  /** Asked for while a request was under way that had begun before. */
  #again = false;

  constructor(
    ask: (signal: AbortSignal) => Promise<T>,
    pace: Pace,
    heard: Heard<T>,
    outside: Outside,
  ) {
    this.#ask = ask;
    this.#pace = pace;
    this.#heard = heard;
    this.#outside = outside;
  }

  /** Changes how long an answer may take. */
  patience(timeoutMs: number): void {
    this.#pace = { ...this.#pace, timeoutMs };
  }

  start(): void {
    this.#running = true;
    this.#failures = 0;
    this.soon();
  }

  stop(): void {
    this.#running = false;
    this.#current?.abort();
    this.#current = undefined;
    this.#wait(undefined);
  }

  /** Somebody looks, or looks away; or there may be a network again. */
  look(): void {
    if (!this.#running) return;
    if (this.#outside.visible()) this.soon();
    else this.#wait(undefined);
  }

  /** Asks at once, or as soon as the request under way is over, since that may not know yet what was just done. */
  soon(): void {
    if (!this.#running) return;
    if (this.#current) this.#again = true;
    else void this.#once();
  }

  async #once(): Promise<void> {
    this.#wait(undefined);
    this.#again = false;
    const current = (this.#current = new AbortController());
    const begun = this.#outside.now();
    let pause: number | undefined;
    try {
      const answer = await this.#inTime(current);
      if (current.signal.aborted) return;
      this.#failures = 0;
      this.#heard.onanswer(answer);
      const { everyMs, atLeastMs } = this.#pace;
      pause = Math.max(atLeastMs, everyMs - (this.#outside.now() - begun));
    } catch (error) {
      if (this.#current !== current) return;
      const problem = asProblem(error);
      const isOver = inVain.has(problem.status);
      if (isOver) this.#running = false;
      else pause = this.#after(problem);
      this.#heard.onproblem(problem, isOver);
    } finally {
      if (this.#current === current) this.#current = undefined;
    }
    if (pause === undefined || !this.#running || !this.#outside.visible()) return;
    this.#wait(this.#again ? this.#pace.atLeastMs : pause);
  }

  /** The answer, or a problem when it takes too long, whatever the request hangs on. */
  #inTime(current: AbortController): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#outside.setTimer(() => {
        reject(unanswered(new DOMException('no answer in time', 'TimeoutError')));
        current.abort();
      }, this.#pace.timeoutMs);
      this.#ask(current.signal).then(resolve, reject).finally(cancel);
    });
  }

  #after(problem: Problem): number {
    this.#failures += 1;
    const { everyMs, longestPauseMs } = this.#pace;
    const pause = Math.min(everyMs * 2 ** (this.#failures - 1), Math.max(longestPauseMs, everyMs));
    const asked = problem.extras['retry_after_ms'];
    return Math.max(
      typeof asked === 'number' ? Math.min(asked, 60_000) : 0,
      pause * (0.75 + this.#outside.random() / 2),
    );
  }

  #wait(ms: number | undefined): void {
    this.#cancel?.();
    this.#cancel = ms === undefined ? undefined : this.#outside.setTimer(() => this.soon(), ms);
  }
}

/** The browser's own. */
export const browser: Outside = {
  setTimer: (run, ms) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  now: () => performance.now(),
  random: () => Math.random(),
  visible: () => document.visibilityState !== 'hidden',
};

/** Runs followers while a page is there, and has them look when somebody does; gives back how to stop. */
export function followed(
  ...followers: readonly Pick<Follower<unknown>, 'start' | 'stop' | 'look'>[]
) {
  const look = () => followers.forEach((follower) => follower.look());
  document.addEventListener('visibilitychange', look);
  addEventListener('online', look);
  followers.forEach((follower) => follower.start());
  return () => {
    followers.forEach((follower) => follower.stop());
    document.removeEventListener('visibilitychange', look);
    removeEventListener('online', look);
  };
}
