/**
 * What a screen reader is told in passing.
 *
 * Invariant: the live region is in the document before anything is said, and the same words said twice are heard twice.
 */
class Announcer {
  text = $state('');
  #odd = false;

  /** Says it when the reader has finished its sentence. */
  say(text: string): void {
    this.#odd = !this.#odd;
    // An unseen difference makes a repeated text a change.
    this.text = this.#odd ? text : `${text}\u00a0`;
  }
}

export const announcer = new Announcer();
