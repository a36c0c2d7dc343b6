import { describe, expect, it } from 'vitest';

import { placeOfName, rowName, rowNamesOf, seatNumbersOf } from './naming';

describe('names of rows', () => {
  it.each([
    ['letters', 1, 'A'],
    ['letters', 26, 'Z'],
    ['letters', 27, 'AA'],
    ['letters', 702, 'ZZ'],
    ['letters', 703, 'AAA'],
    ['numbers', 12, '12'],
    ['hangul', 14, '하'],
    ['hangul', 15, '가가'],
  ] as const)('the %s at %i', (kind, place, name) => {
    expect(rowName(kind, place)).toBe(name);
    expect(placeOfName(kind, name)).toBe(place);
  });

  it('are read as people type them, or not at all', () => {
    expect(placeOfName('letters', ' aa ')).toBe(27);
    for (const none of ['', '1', 'A1', '가']) expect(placeOfName('letters', none)).toBeUndefined();
    for (const none of ['0', '-1', 'A', '1.5']) {
      expect(placeOfName('numbers', none)).toBeUndefined();
    }
  });

  it('begin in front or at the back', () => {
    expect(rowNamesOf({ kind: 'letters', start: 3, from: 'front' }, 3)).toEqual(['C', 'D', 'E']);
    expect(rowNamesOf({ kind: 'numbers', start: 1, from: 'back' }, 3)).toEqual(['3', '2', '1']);
  });
});

describe('numbers of seats', () => {
  it.each([
    ['left', 'all', 1, 4, [1, 2, 3, 4]],
    ['right', 'all', 1, 4, [4, 3, 2, 1]],
    ['left', 'all', 101, 3, [101, 102, 103]],
    ['left', 'odd', 1, 4, [1, 3, 5, 7]],
    ['left', 'even', 1, 4, [2, 4, 6, 8]],
    ['right', 'odd', 4, 3, [9, 7, 5]],
    ['middle', 'all', 1, 6, [5, 3, 1, 2, 4, 6]],
    ['middle', 'all', 1, 5, [5, 3, 1, 2, 4]],
    ['middle', 'odd', 1, 1, [1]],
    ['left', 'all', 0, 0, []],
  ] as const)(
    'from the %s, %s, beginning at %i: %i seats',
    (from, count, start, seats, numbers) => {
      expect(seatNumbersOf({ from, count, start }, seats)).toEqual(numbers);
    },
  );

  it('are unique in their row', () => {
    for (const from of ['left', 'right', 'middle'] as const) {
      for (const count of ['all', 'odd', 'even'] as const) {
        for (let seats = 1; seats < 30; seats++) {
          expect(new Set(seatNumbersOf({ from, count, start: 7 }, seats)).size).toBe(seats);
        }
      }
    }
  });
});
