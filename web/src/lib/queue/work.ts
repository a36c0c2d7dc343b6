/**
 * The work that joining may ask for: a number such that SHA-256("onsale work v1" ‖ challenge ‖ number as u64) begins with
 * so many zero bits.
 *
 * Invariant: a search goes on where the one before stopped and tries no number twice.
 */
import { BLOCK_BYTES, begin, compress, joined, padded } from '$lib/crypto/sha256';

export interface Work {
  /** In bytes. */
  challenge: Uint8Array;
  /** Zero bits asked for, at most 32. */
  bits: number;
}

/** As many tries find the number on average. */
export function expectedTries(bits: number): number {
  return 2 ** bits;
}

/** Searches for the number. What comes before it is hashed once. */
export class Search {
  tried = 0;
  readonly #bits: number;
  readonly #before = begin();
  readonly #rest: DataView;
  readonly #numberAt: number;
  readonly #state = begin();

  constructor({ challenge, bits }: Work) {
    if (bits < 0 || bits > 32) throw new RangeError(`${bits} bits are out of reach`);
    this.#bits = bits;
    const prefix = joined(new TextEncoder().encode('onsale work v1'), challenge);
    const whole = padded(joined(prefix, new Uint8Array(8)));
    const view = new DataView(whole.buffer);
    // The number has eight bytes, of which the first two stay zero: 2^48 tries are never made.
    const first = Math.floor((prefix.length + 2) / BLOCK_BYTES) * BLOCK_BYTES;
    for (let offset = 0; offset < first; offset += BLOCK_BYTES) {
      compress(this.#before, view, offset);
    }
    this.#rest = new DataView(whole.buffer, first);
    this.#numberAt = prefix.length + 2 - first;
  }

  /** Tries so many numbers; the proof if it is among them. */
  go(tries: number): string | undefined {
    for (const end = this.tried + tries; this.tried < end;) {
      const number = this.tried;
      this.tried += 1;
      if (this.#zeroBits(number) >= this.#bits) return number.toString(16).padStart(16, '0');
    }
    return undefined;
  }

  #zeroBits(number: number): number {
    this.#rest.setUint16(this.#numberAt, Math.floor(number / 2 ** 32));
    this.#rest.setUint32(this.#numberAt + 2, number >>> 0);
    this.#state.set(this.#before);
    for (let offset = 0; offset < this.#rest.byteLength; offset += BLOCK_BYTES) {
      compress(this.#state, this.#rest, offset);
    }
    return Math.clz32(this.#state[0] ?? 0);
  }
}
