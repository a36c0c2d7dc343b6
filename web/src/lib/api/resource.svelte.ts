/**
 * Something a page loads and shows.
 *
 * Invariant: it shows the answer to the latest request; an answer that was overtaken, or comes after `stop`, is dropped.
 */
import { type Problem, asProblem } from './problems';

export class Resource<T> {
  data = $state.raw<T>();
  problem = $state.raw<Problem>();
  loading = $state(false);
  readonly #load: (signal: AbortSignal) => Promise<T>;
  #current: AbortController | undefined;

  constructor(load: (signal: AbortSignal) => Promise<T>) {
    this.#load = load;
  }

  /** Loads it (again); what was there stays until the answer is. */
  async reload(): Promise<void> {
    this.#current?.abort();
    const current = (this.#current = new AbortController());
    this.loading = true;
    try {
      const data = await this.#load(current.signal);
      if (current.signal.aborted) return;
      this.data = data;
      this.problem = undefined;
    } catch (error) {
      if (current.signal.aborted) return;
      this.problem = asProblem(error);
    }
    this.loading = false;
  }

  /** To be given to `onMount`: loads, and gives back how to stop. */
  readonly mount = (): (() => void) => {
    void this.reload();
    return () => this.stop();
  };

  stop(): void {
    this.#current?.abort();
    this.loading = false;
  }
}
