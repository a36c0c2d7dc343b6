/**
 * Whether a map that moves is drawn anew in the next frame, or its last picture is moved, because drawing takes longer
 * than frames may.
 *
 * Invariant: a picture that is moved is never older than `SHARP_EVERY_MS`, and where drawing keeps up, none is moved.
 */

/** Frames further apart than this are seen to stutter; at 60 a second they are 16.7 ms apart. */
const SLOW_MS = 22;
export const SHARP_EVERY_MS = 200;
/** How much the latest frame counts. */
const WEIGHT = 0.3;
/** Whoever pauses is not slow. */
const PAUSE_MS = 250;

export class Pace {
  /** What a frame takes that is drawn anew. */
  #cost = 0;
  #anewAt = -Infinity;
  #last: { at: number; anew: boolean } | undefined;

  /** Whether a picture is worth keeping. */
  get struggles(): boolean {
    return this.#cost > SLOW_MS;
  }

  /** Said at the beginning of each frame in which the map has moved. */
  isSlow(now: number): boolean {
    const last = this.#last;
    if (last?.anew && now - last.at < PAUSE_MS) {
      this.#cost += WEIGHT * (now - last.at - this.#cost);
    }
    const slow = this.struggles && now - this.#anewAt < SHARP_EVERY_MS;
    this.#last = { at: now, anew: !slow };
    if (!slow) this.#anewAt = now;
    return slow;
  }

  /** The map has come to rest; the next frame does not tell how long this one took. */
  rest(): void {
    this.#last = undefined;
  }
}
