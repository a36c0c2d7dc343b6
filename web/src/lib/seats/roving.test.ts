import { describe, expect, it } from 'vitest';

import { seatAfter } from './roving';

const rows = [[1, 2, 3], [], [11, 12, 13, 14]];
const xOf = (id: number) => (id % 10) * 10 + (id > 10 ? 4 : 0);

describe('keys in the list', () => {
  it.each([
    ['ArrowRight', 1, 2],
    ['ArrowLeft', 2, 1],
    ['Home', 3, 1],
    ['End', 11, 14],
    // Over the row that shows nothing, to the seat behind.
    ['ArrowDown', 3, 13],
    ['ArrowUp', 14, 3],
    ['ArrowUp', 12, 2],
  ])('%s leads from %i to %i', (key, from, to) => {
    expect(seatAfter(key, from, rows, xOf)).toBe(to);
  });

  it.each([
    ['ArrowLeft', 1],
    ['ArrowRight', 3],
    ['ArrowUp', 1],
    ['ArrowDown', 12],
    ['Enter', 2],
    ['ArrowRight', 99],
  ])('%s leads nowhere from %i', (key, from) => {
    expect(seatAfter(key, from, rows, xOf)).toBeUndefined();
  });
});
