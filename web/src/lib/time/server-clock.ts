/**
 * The server's time, from the `Date` of its answers: the visitor's clock may be minutes off, and the time left to pay is
 * the server's.
 *
 * Invariant: the estimate is within half a round trip and half a second of the truth as of the best answer seen lately.
 */

/** The clocks differ by drift and by being set; an old estimate gives way to a new, worse one after this long. */
const BELIEVED_FOR_MS = 60_000;
/** `Date` has whole seconds; on average the true time is half a second later. */
const HALF_A_SECOND = 500;

export class ServerClock {
  #offset = 0;
  #error = Infinity;
  #at = -Infinity;
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Milliseconds since 1970, by the server. */
  now(): number {
    return this.#now() + this.#offset;
  }

  /** Takes in an answer: its `Date`, and when by our clock it was asked for and arrived. */
  observe(date: string | null, sentAt: number, receivedAt: number): void {
    const served = Date.parse(date ?? '');
    const error = (receivedAt - sentAt) / 2;
    if (!Number.isFinite(served) || error < 0) return;
    if (error > this.#error && receivedAt - this.#at < BELIEVED_FOR_MS) return;
    const offset = served + HALF_A_SECOND - (sentAt + receivedAt) / 2;
    // Within what whole seconds can tell, the clocks agree: leave ours alone.
    this.#offset = Math.abs(offset) <= HALF_A_SECOND + error ? 0 : offset;
    this.#error = error;
    this.#at = receivedAt;
  }
}

export const serverClock = new ServerClock();
