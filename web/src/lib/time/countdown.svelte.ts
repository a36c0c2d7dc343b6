/** A countdown for a page, by the server's clock. */
import { markPassed, secondsLeft } from './countdown';
import { serverClock } from './server-clock';

const TICK_MS = 250;

export class Countdown {
  seconds = $state(0);
  readonly #until: () => string | undefined;
  readonly #onmark: (seconds: number) => void;

  /** `until` may change, or be nothing when there is nothing to count. */
  constructor(until: () => string | undefined, onmark: (seconds: number) => void) {
    this.#until = until;
    this.#onmark = onmark;
    const first = until();
    if (first) this.seconds = secondsLeft(first, serverClock.now());
  }

  /** Counts until what is given back is called. */
  run(): () => void {
    const tick = () => {
      const until = this.#until();
      if (!until) return;
      const before = this.seconds;
      const now = secondsLeft(until, serverClock.now());
      if (now === before) return;
      this.seconds = now;
      const mark = markPassed(before, now);
      if (mark !== undefined && now > 0) this.#onmark(mark);
    };
    const timer = setInterval(tick, TICK_MS);
    return () => clearInterval(timer);
  }
}
