import { describe, expect, it } from 'vitest';

import { aimAt, nearestEqual } from './aim';
import { SeatingModel } from './model';
import { grid, withSpaces } from './plans';

const model = new SeatingModel(grid(3, 3));
const free = () => true;
/** 44 px between neighbours. */
const CLOSE = 4.4;

describe('pointing', () => {
  it('means the seat that is hit', () => {
    expect(aimAt(model, 11, 9, CLOSE, true, free)).toEqual({ kind: 'seat', id: 5 });
  });

  it('means a taken seat that is hit, so that it can be said why', () => {
    expect(aimAt(model, 11, 9, CLOSE, true, (id) => id !== 5)).toEqual({ kind: 'seat', id: 5 });
  });

  it('means nothing far from any seat', () => {
    expect(aimAt(model, 45, 10, CLOSE, true, free)).toEqual({ kind: 'nothing' });
  });

  it('asks a finger to come closer until seats are 44 px apart', () => {
    expect(aimAt(model, 10, 10, 4.3, true, free)).toEqual({ kind: 'closer' });
    expect(aimAt(model, 10, 10, 4.4, true, free)).toEqual({ kind: 'seat', id: 5 });
  });

  it('lets a mouse choose among smaller seats, but not among specks', () => {
    expect(aimAt(model, 10, 10, 2, false, free)).toEqual({ kind: 'seat', id: 5 });
    expect(aimAt(model, 10, 10, 1, false, free)).toEqual({ kind: 'closer' });
  });

  it('comes closer from anywhere near a seat that is too small', () => {
    expect(aimAt(model, 35, 10, 0.5, true, free)).toEqual({ kind: 'closer' });
  });

  it('does not guess between two free seats', () => {
    expect(aimAt(model, 5, 5, CLOSE, true, free)).toEqual({ kind: 'closer' });
  });

  it('takes the only free one beside the point', () => {
    expect(aimAt(model, 5, 5, CLOSE, true, (id) => id === 4)).toEqual({ kind: 'seat', id: 4 });
  });

  it('tells of a taken seat where none is free', () => {
    const aim = aimAt(model, 5.2, 5.1, CLOSE, true, () => false);
    expect(aim).toEqual({ kind: 'seat', id: 5 });
  });
});

describe('the nearest equal', () => {
  const house = new SeatingModel(grid(2, 4, ['Stalls', 'Circle']));

  it('is the nearest free one of the same category', () => {
    expect(nearestEqual(house, 2, (id) => id !== 1 && id !== 3)).toBe(6);
  });

  it('is never the seat itself, nor of another category', () => {
    expect(nearestEqual(house, 2, (id) => id === 2 || id > 8)).toBeUndefined();
  });

  it('prefers the same section to a nearer seat elsewhere', () => {
    const plan = grid(1, 6, ['Left', 'Right']);
    for (const section of plan.sections) {
      for (const row of section.rows) for (const seat of row.seats) seat.category = 'Stalls';
    }
    const two = new SeatingModel(plan);
    expect(nearestEqual(two, 1, (id) => id === 6 || id === 7)).toBe(6);
    expect(nearestEqual(two, 1, (id) => id === 7)).toBe(7);
  });

  it('is beside the rest of the selection, though another would be nearer', () => {
    const row = new SeatingModel(grid(2, 8));
    expect(nearestEqual(row, 4, (id) => id !== 5, [5])).toBe(6);
    expect(nearestEqual(row, 4, (id) => id !== 5 && id !== 6, [5])).toBe(3);
  });

  it('is not across an aisle, nor in another row', () => {
    const plan = grid(2, 8);
    for (const { seats } of plan.sections[0]?.rows ?? []) {
      for (const seat of seats) if (seat.x >= 50) seat.x += 30;
    }
    const aisle = new SeatingModel(plan);
    expect(nearestEqual(aisle, 4, (id) => id !== 5, [5])).toBe(3);
    expect(nearestEqual(aisle, 4, (id) => id === 6 || id === 12, [5])).toBe(12);
  });

  it('is kept for the same people', () => {
    const kept = new SeatingModel(withSpaces(grid(1, 6), [2, 6], [3]));
    expect(nearestEqual(kept, 2, free)).toBe(6);
    expect(nearestEqual(kept, 1, free)).toBe(4);
    expect(nearestEqual(kept, 3, free)).toBeUndefined();
  });

  it('is nothing for a seat that there is not', () => {
    expect(nearestEqual(house, 99, free)).toBeUndefined();
  });
});
