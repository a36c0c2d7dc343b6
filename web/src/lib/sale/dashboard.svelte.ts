/**
 * How a sale stands, as of the last second.
 *
 * Invariant: figures are shown as old as soon as no newer ones came for `OLD_MS`, whatever the reason: no answer, or
 * one that says the same moment again.
 */
import type { Problem } from '$lib/api/problems';

import { type Figures, type Moment, figures } from './answers';
import { Follower, type Outside, type Pace, browser, followed } from './follower';
import { merged } from './history';
import { type Memory, type PastDrift, remember } from './past';
import { driftsOf } from './stock';

export const OLD_MS = 3_000;
const TICK_MS = 500;
const PACE: Pace = { everyMs: 1_000, atLeastMs: 200, timeoutMs: 5_000, longestPauseMs: 8_000 };
/** The first answer may bring an hour. */
const FIRST_MS = 15_000;

export class Dashboard {
  latest = $state.raw<Figures>();
  history = $state.raw<readonly Moment[]>([]);
  /** Why there is nothing new; gone with the next answer. */
  problem = $state.raw<Problem>();
  /** It will not be asked again by itself. */
  over = $state(false);
  /** How long ago the newest figures came. */
  ageMs = $state(0);
  readonly old = $derived(this.latest !== undefined && this.ageMs > OLD_MS);
  readonly drifts = $derived(driftsOf(this.latest?.performances ?? []));
  readonly #outside: Outside;
  readonly #follower: Follower<Figures>;
  #freshAt = 0;
  #memory = $state.raw<Memory>({ open: [], past: [] });

  constructor(event: string, outside: Outside = browser, ask = figures) {
    this.#outside = outside;
    this.#follower = new Follower(
      (signal) => ask(event, this.history.at(-1)?.at_ms, signal),
      { ...PACE, timeoutMs: FIRST_MS },
      {
        onanswer: (answer) => this.#take(answer),
        onproblem: (problem, over) => {
          this.problem = problem;
          this.over = over;
        },
      },
      outside,
    );
  }

  /** Follows the sale until what is given back is called. */
  follow(): () => void {
    const stop = followed(this.#follower);
    const ticker = setInterval(() => {
      if (this.latest && this.#outside.visible()) this.ageMs = this.#outside.now() - this.#freshAt;
    }, TICK_MS);
    return () => {
      stop();
      clearInterval(ticker);
    };
  }

  get past(): readonly PastDrift[] {
    return this.#memory.past;
  }

  /** Something was just done: see what became of it. */
  soon(): void {
    this.#follower.soon();
  }

  /** Begins again after it was over. */
  again(): void {
    this.over = false;
    this.problem = undefined;
    this.#follower.start();
  }

  forgetPast(): void {
    this.#memory = { ...this.#memory, past: [] };
  }

  #take(answer: Figures): void {
    this.#follower.patience(PACE.timeoutMs);
    this.problem = undefined;
    if (answer.at_ms !== this.latest?.at_ms) {
      this.#freshAt = this.#outside.now();
      this.ageMs = 0;
    }
    this.latest = answer;
    this.history = merged(this.history, answer.history);
    this.#memory = remember(this.#memory, this.drifts, answer.at);
  }
}
