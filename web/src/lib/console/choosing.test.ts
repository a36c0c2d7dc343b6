import { describe, expect, it } from 'vitest';

import { SeatingModel } from '$lib/seats/model';
import { grid, snapshot } from '$lib/seats/plans';
import { SeatStates } from '$lib/seats/states.svelte';

import { Choosing } from './choosing.svelte';

/** Two rows of three: free, held, sold; blocked, free, free. */
function house() {
  const model = new SeatingModel(grid(2, 3));
  const states = new SeatStates(model.count);
  states.snapshot(snapshot([0, 1, 2, 3, 0, 0]));
  return { states, choosing: new Choosing(model, states) };
}

describe('choosing seats to block', () => {
  it('takes free and blocked ones, and says how many it left out', () => {
    const { choosing } = house();
    expect(choosing.choose([1, 2, 3, 4, 99], false)).toBe(3);
    expect([choosing.free, choosing.blocked]).toEqual([[1], [4]]);
    expect(choosing.choose([6, 5], true)).toBe(0);
    expect(choosing.free).toEqual([1, 5, 6]);
    choosing.choose([5], false);
    expect([...choosing.chosen]).toEqual([5]);
  });

  it('is toggled, seat by seat', () => {
    const { choosing } = house();
    for (const id of [1, 2, 4, 1]) choosing.toggle(id);
    expect([...choosing.chosen]).toEqual([4]);
    choosing.clear();
    expect(choosing.chosen.size).toBe(0);
  });

  it('says what share of a row is chosen, of those that can be', () => {
    const { choosing } = house();
    choosing.choose([1, 4], false);
    expect([choosing.share([1, 2, 3]), choosing.share([4, 5, 6])]).toEqual(['all', 'some']);
    expect(choosing.share([2, 3])).toBe('none');
  });

  it('loses what a buyer gets', () => {
    const { choosing, states } = house();
    choosing.choose([1, 5], false);
    expect(choosing.drop()).toEqual([]);
    states.delta({ type: 'delta', from: 'e:1', to: 'e:2', held: [5] });
    expect(choosing.drop()).toEqual([5]);
    expect([...choosing.chosen]).toEqual([1]);
  });

  it('goes on holding what was just blocked', () => {
    const { choosing, states } = house();
    choosing.choose([1], false);
    states.delta({ type: 'delta', from: 'e:1', to: 'e:2', blocked: [1] });
    expect(choosing.drop()).toEqual([]);
    expect([choosing.free, choosing.blocked]).toEqual([[], [1]]);
  });
});
