/**
 * Keys for requests that must not be done twice.
 *
 * Invariant: the same wish keeps its key until it is known what became of it; another wish, or a wish made anew, gets
 * another key.
 */

/** 128 random bits. `crypto.randomUUID` is missing where a page is served without TLS. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class Attempts {
  #open: { wish: string; key: string } | undefined;

  /** The key for a wish: that of the attempt whose outcome is unknown, if it was for the same. */
  keyFor(wish: unknown): string {
    const text = JSON.stringify(wish);
    if (this.#open?.wish !== text) this.#open = { wish: text, key: newKey() };
    return this.#open.key;
  }

  /** The outcome is known, whatever it was. */
  decided(): void {
    this.#open = undefined;
  }
}
