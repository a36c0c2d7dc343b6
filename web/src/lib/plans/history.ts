/**
 * What was done, to be undone and done again.
 *
 * Invariants: undoing and doing again gives the same value; what follows closely under the same name is one step, so that
 * a drag or a typed word is undone at once.
 */
const CLOSE_MS = 1_500;
const MOST_STEPS = 200;

export class History<T> {
  #past: T[] = [];
  #future: T[] = [];
  #present: T;
  #last: { name: string; atMs: number } | undefined;

  constructor(present: T) {
    this.#present = present;
  }

  get present(): T {
    return this.#present;
  }

  get canUndo(): boolean {
    return this.#past.length > 0;
  }

  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /** The value is another now; a name joins it with the step of that name before it. */
  push(value: T, atMs: number, name?: string): void {
    if (value === this.#present) return;
    const last = this.#last;
    const joins = name !== undefined && last?.name === name && atMs - last.atMs <= CLOSE_MS;
    if (!joins) this.#past = [...this.#past.slice(1 - MOST_STEPS), this.#present];
    this.#present = value;
    this.#future = [];
    this.#last = name === undefined ? undefined : { name, atMs };
  }

  undo(): void {
    const before = this.#past.pop();
    if (before === undefined) return;
    this.#future.push(this.#present);
    this.#present = before;
    this.#last = undefined;
  }

  redo(): void {
    const after = this.#future.pop();
    if (after === undefined) return;
    this.#past.push(this.#present);
    this.#present = after;
    this.#last = undefined;
  }
}
