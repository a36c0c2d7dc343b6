/**
 * What a buyer has chosen to look at, on the map as in the list.
 *
 * Invariant: `now` is always the filter of the choice.
 */
import { SvelteSet } from 'svelte/reactivity';

import { type Filter, filterOf } from './filter';
import type { SeatingModel } from './model';

export class SeatFilter {
  /** Indexes of categories; none means all. */
  readonly categories = new SvelteSet<number>();
  /** The highest price, in minor units. */
  most = $state<number>();
  /** Only the spaces for wheelchairs, and the seats that go with them. */
  spaces = $state(false);
  readonly now: Filter = $derived.by(() => filterOf(this.#model, this));
  readonly #model: SeatingModel;

  constructor(model: SeatingModel) {
    this.#model = model;
  }

  flip(category: number): void {
    if (!this.categories.delete(category)) this.categories.add(category);
  }
}
