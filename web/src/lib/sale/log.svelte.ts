/**
 * The log of what was done by hand, kept up to date.
 *
 * Invariant: older pages stay while newer entries come.
 */
import { type Problem, asProblem } from '$lib/api/problems';

import { withNewer } from './actions';
import { type Action, actions } from './answers';
import { Follower, type Pace, browser, followed } from './follower';

const PACE: Pace = { everyMs: 15_000, atLeastMs: 500, timeoutMs: 10_000, longestPauseMs: 30_000 };
const OLDER_MS = 15_000;

export class ActionLog {
  items = $state.raw<readonly Action[]>();
  problem = $state.raw<Problem>();
  next = $state<string>();
  adding = $state(false);
  readonly #event: string;
  readonly #follower;

  constructor(event: string) {
    this.#event = event;
    this.#follower = new Follower(
      (signal) => actions(event, undefined, signal),
      PACE,
      {
        onanswer: ({ items, next_cursor }) => {
          this.problem = undefined;
          // Where the entries that are known do not reach the new ones, there would be a hole between them.
          const joins = this.items?.some(({ id }) => items.some((each) => each.id === id)) ?? false;
          if (!joins) this.next = next_cursor ?? undefined;
          this.items = joins ? withNewer(this.items ?? [], items) : items;
        },
        onproblem: (problem) => (this.problem = problem),
      },
      browser,
    );
  }

  follow(): () => void {
    return followed(this.#follower);
  }

  /** Something was just done. */
  soon(): void {
    this.#follower.soon();
  }

  async older(): Promise<void> {
    if (this.adding || !this.next) return;
    this.adding = true;
    try {
      const page = await actions(this.#event, this.next, AbortSignal.timeout(OLDER_MS));
      this.items = withNewer(page.items, this.items ?? []);
      this.next = page.next_cursor ?? undefined;
      this.problem = undefined;
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.adding = false;
  }
}
