import { describe, expect, it } from 'vitest';

import { limits } from './draft';
import { fileName } from './files';
import { detailOf, placeOf } from './places';
import { isTooLarge, readPlan } from './reading';

const plan = {
  name: 'Hall',
  categories: [{ name: 'A', color: '#ff0000' }, { name: 'B' }],
  zones: [
    {
      name: 'Stalls',
      position: { x: 100, y: 0 },
      areas: [
        { shape: 'rectangle', position: { x: 0, y: 0 }, rectangle: { width: 80, height: 20 } },
        { shape: 'blob' },
      ],
      rows: [
        {
          row_number: 'D',
          position: { x: 0, y: 50 },
          seats: [
            { seat_number: 1, category: 'A', position: { x: 0, y: 0 }, accessible: true },
            { seat_number: '2', category: 'A', position: { x: 20, y: 0 }, companion: true },
            { seat_number: '3', category: 'C', position: { x: 40, y: 0 } },
          ],
        },
      ],
    },
  ],
};

describe('a file', () => {
  it('is read with what is declared and what is not', () => {
    const reading = readPlan(JSON.stringify(plan));
    expect(reading).toMatchObject({
      name: 'Hall',
      seats: 3,
      accessible: 1,
      companion: 1,
      categories: [
        { name: 'A', color: '#ff0000', seats: 2 },
        { name: 'B', color: '#808080', seats: 0 },
        { name: 'C', color: '#808080', seats: 1 },
      ],
    });
    if (typeof reading === 'string') throw new Error(reading);
    expect(reading.shapes).toHaveLength(1);
    expect([...(reading.patches[0]?.x ?? [])]).toEqual([100, 120]);
    expect(reading.patches[0]?.pitch).toBe(20);
    expect(reading.box).toEqual({ minX: 100, minY: 0, maxX: 180, maxY: 50 });
  });

  it.each([
    ['{', 'noJson'],
    ['', 'noJson'],
    ['[]', 'noPlan'],
    ['null', 'noPlan'],
    ['{"name":"x"}', 'noPlan'],
  ])('%j is refused before it is sent', (text, why) => {
    expect(readPlan(text)).toBe(why);
  });

  it('is shown as far as it goes, whatever is in it', () => {
    const odd = {
      name: 7,
      categories: [null, 'x'],
      zones: [null, { rows: [{ seats: [null, {}] }] }],
    };
    expect(readPlan(JSON.stringify(odd))).toMatchObject({ name: '7', seats: 1 });
    expect(readPlan('{"zones":[]}')).toMatchObject({ seats: 0, box: undefined });
  });

  it('is too large above what the server takes', () => {
    expect(isTooLarge(limits.planBytes)).toBe(false);
    expect(isTooLarge(limits.planBytes + 1)).toBe(true);
  });
});

describe('where something is', () => {
  it.each([
    ['/zones/0/rows/0/seats/1/category', 'Zone “Stalls”, row “D”, seat “2”, category'],
    ['/zones/0/rows/0/seats/0/seat_guid', 'Zone “Stalls”, row “D”, seat 1, seat guid'],
    ['/zones/7/rows', 'Zone 8, rows'],
    ['/categories/1/name', 'Category “B”, name'],
    ['/size/width', 'width'],
    ['/elsewhere', 'elsewhere'],
    ['', 'The file'],
  ])('%j', (pointer, place) => {
    expect(placeOf(pointer, plan)).toBe(place);
  });

  it('is said with what is wrong there', () => {
    expect(detailOf('"C" is not declared in categories')).toEqual({
      text: 'the category "C" is not in the list of categories',
      known: true,
    });
    expect(detailOf('is odd')).toEqual({ text: 'is odd', known: false });
  });
});

it.each([
  ['Main hall, 2026', 'main-hall-2026.json'],
  ['대극장', '대극장.json'],
  ['../..', 'plan.json'],
])('the file of %j is %s', (name, file) => {
  expect(fileName(name)).toBe(file);
});
