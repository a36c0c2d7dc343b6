import { describe, expect, it } from 'vitest';

import { freeByRow, freeBySection, lookOf, looks, looksOf } from './looks';
import { SeatingModel } from './model';
import { grid, snapshot } from './plans';
import { SeatStates } from './states.svelte';

describe('the model of a plan', () => {
  const model = new SeatingModel(grid(2, 3, ['Stalls', 'Circle']));

  it('flattens sections and rows', () => {
    expect(model.count).toBe(12);
    expect(model.sections.map(({ label, count }) => [label, count])).toEqual([
      ['Stalls', 6],
      ['Circle', 6],
    ]);
    expect(model.rows.map((row) => row.ids)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
      [10, 11, 12],
    ]);
  });

  it('knows a seat with its place, category and price', () => {
    expect(model.seat(8)).toEqual({
      id: 8,
      label: 'A-2',
      section: 'Circle',
      row: 'A',
      category: 'Circle',
      x: 10,
      y: 40,
      price: { amount: 90_000, currency: 'KRW' },
    });
    expect(model.number(8)).toBe('2');
  });

  it.each([0, -1, 13, 1.5])('knows no seat %s', (id) => {
    expect(model.seat(id)).toBeUndefined();
  });

  it('measures how far neighbours are apart, and what is drawn', () => {
    expect(model.pitch).toBe(10);
    expect(model.box).toEqual({ minX: -5, minY: -5, maxX: 25, maxY: 55 });
  });

  it('finds seats in a box and near a point', () => {
    expect(model.within({ minX: -1, minY: -1, maxX: 11, maxY: 1 }).sort()).toEqual([1, 2]);
    expect(model.nearest(9, 1, 2)).toEqual([2, 1]);
    expect(model.nearest(9, 1, 1, Infinity, (id) => id > 6)).toEqual([8]);
    expect(model.nearest(500, 500, 1, 50)).toEqual([]);
  });

  it('takes a turned shape into what is drawn', () => {
    const plan = grid(1, 2);
    const stage = { kind: 'rectangle', x: 0, y: 0, width: 40, height: 10, rotation: 90 };
    plan.shapes = [stage] as unknown as typeof plan.shapes;
    expect(new SeatingModel(plan).box).toEqual({
      minX: -10,
      minY: -5,
      maxX: 15,
      maxY: 40,
    });
  });

  it('works without any seat', () => {
    const empty = new SeatingModel({ ...grid(1, 1), sections: [] });
    expect([empty.count, empty.ids().length, empty.nearest(0, 0, 1)]).toEqual([0, 0, []]);
    expect(empty.box).toEqual({ minX: 0, minY: 0, maxX: 10, maxY: 10 });
  });
});

describe('looks', () => {
  const model = new SeatingModel(grid(2, 3));
  const states = new SeatStates(6);
  states.snapshot(snapshot([0, 1, 2, 3, 0, 1]));

  it('put mine before picked before the state', () => {
    const [picked, mine] = [new Set([1, 6]), new Set([2, 6])];
    const found = looksOf(states, picked, mine);
    const names = [...found].slice(1).map((look) => looks[look]);
    expect(names).toEqual(['picked', 'mine', 'sold', 'blocked', 'available', 'mine']);
    for (const id of model.ids()) {
      expect(lookOf(id, states, picked, mine)).toBe(names[id - 1]);
    }
  });

  it('leave the states alone', () => {
    looksOf(states, [1], []);
    expect(states.status(1)).toBe('available');
  });

  it('count what is free', () => {
    expect([...freeBySection(model, states.codes)]).toEqual([2]);
    expect([...freeByRow(model, states.codes)]).toEqual([1, 1]);
  });
});
