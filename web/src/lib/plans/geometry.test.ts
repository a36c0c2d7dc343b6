import { describe, expect, it } from 'vitest';

import { type Form, limits } from './draft';
import {
  aislesOfRow,
  blockBox,
  into,
  nearestPlace,
  normalised,
  outOf,
  placesCount,
  placesOf,
  seatsOfRow,
  turned,
} from './geometry';
import { block } from './samples';

/** The ways from seat to seat along each row. */
function ways(form: Form): number[][] {
  const { x, y, starts } = placesOf(form);
  return starts.slice(0, -1).map((start, row) => {
    const steps: number[] = [];
    for (let at = start + 1; at < (starts[row + 1] ?? 0); at++) {
      steps.push(Math.hypot((x[at] ?? 0) - (x[at - 1] ?? 0), (y[at] ?? 0) - (y[at - 1] ?? 0)));
    }
    return steps;
  });
}

describe('the places of a block', () => {
  it('are as many as its rows say, and the count agrees', () => {
    for (const grows of [0, 1, 0.5, -1, -3]) {
      const { form } = block({ rows: 7, seats: 10, grows });
      const counted = Array.from({ length: 7 }, (_, row) => seatsOfRow(form, row));
      expect(placesOf(form).count).toBe(counted.reduce((all, each) => all + each, 0));
      expect(placesCount(form)).toBe(placesOf(form).count);
    }
    const { form } = block({ rows: 4, seats: 10, grows: 0.5 });
    expect([0, 1, 2, 3].map((row) => seatsOfRow(form, row))).toEqual([10, 10, 11, 11]);
    expect(seatsOfRow(block({ seats: 3, grows: -2 }).form, 3)).toBe(0);
    expect(seatsOfRow(block({ seats: 300, grows: 20 }).form, 150)).toBe(limits.seatsOfRow);
  });

  it('are in straight rows around the middle of the front row', () => {
    const { x, y } = placesOf(block({ rows: 2, seats: 3, seatPitch: 10, rowPitch: 20 }).form);
    expect([...x]).toEqual([-10, 0, 10, -10, 0, 10]);
    expect([...y]).toEqual([0, 0, 0, 20, 20, 20]);
  });

  it('are flush where the rows are told to be', () => {
    const edges = (align: Form['align']) => {
      const { x, starts } = placesOf(block({ rows: 3, seats: 4, grows: 2, align }).form);
      const rows = [0, 1, 2].map((row) => x.slice(starts[row], starts[row + 1]));
      return rows.map((row) => [row[0], row.at(-1)]);
    };
    const [left, right] = [edges('left'), edges('right')];
    expect(new Set(left.map(([first]) => first)).size).toBe(1);
    expect(new Set(right.map(([, last]) => last)).size).toBe(1);
    for (const [first = 0, last = 0] of edges('middle')) expect(first).toBeCloseTo(-last);
  });

  it.each([0, 1, 30, 90, 180])('keep their pitch on a curve of %i°', (curve) => {
    for (const grows of [0, 2, -1]) {
      const { form } = block({ rows: 9, seats: 16, grows, curve, seatPitch: 26, rowPitch: 30 });
      for (const step of ways(form).flat()) expect(step).toBeCloseTo(26, 6);
    }
  });

  it('go around the stage as far as the curve says', () => {
    const { form } = block({ rows: 1, seats: 100, curve: 180 });
    const { x, y } = placesOf(form);
    // Both ends of half a circle are as far in front of its middle as half of what is between them.
    expect(y[0]).toBeCloseTo(y[99] ?? 0, 6);
    expect(Math.abs(-(y[0] ?? 0) / ((x[99] ?? 0) - (x[0] ?? 0)) - 0.5)).toBeLessThan(0.01);
    const { box } = placesOf(block({ rows: 8, seats: 5, grows: 4, curve: 180 }).form);
    expect(box.minY).toBeGreaterThan(-1000);
  });

  it('leave an aisle where they are told to, in each row', () => {
    for (const curve of [0, 60]) {
      const { form } = block({
        rows: 3,
        seats: 8,
        aisles: [2, 6],
        aisleWidth: 1.5,
        seatPitch: 20,
        curve,
      });
      for (const steps of ways(form)) {
        const wide = steps.flatMap((step, index) => (step > 21 ? [index + 1] : []));
        expect(wide).toEqual([2, 6]);
        for (const at of wide) expect(steps[at - 1]).toBeCloseTo(50, 6);
      }
    }
  });

  it('keep aisles straight while rows grow', () => {
    const of = (align: Form['align']) => [
      ...aislesOfRow(block({ seats: 8, grows: 2, aisles: [3], align }).form, 2),
    ];
    expect([of('left'), of('middle'), of('right')]).toEqual([[3], [5], [7]]);
    const { form } = block({ rows: 4, seats: 8, grows: 2, aisles: [4] });
    const { x, starts } = placesOf(form);
    for (const row of [0, 1, 2, 3]) {
      const half = seatsOfRow(form, row) / 2;
      const [before = 0, after = 0] = x.slice(
        (starts[row] ?? 0) + half - 1,
        (starts[row] ?? 0) + half + 1,
      );
      expect(before + after).toBeCloseTo(0);
      expect(after - before).toBeCloseTo(form.seatPitch * 2);
    }
  });
});

describe('turning', () => {
  it('leads out of a block and back into it', () => {
    const placed = { x: 30, y: -7, rotation: 37 };
    const [x, y] = outOf(placed)(12, 5);
    const [backX, backY] = into(placed)(x, y);
    expect(backX).toBeCloseTo(12);
    expect(backY).toBeCloseTo(5);
    const [quarterX, quarterY] = outOf({ x: 0, y: 0, rotation: 90 })(1, 0);
    expect(quarterX).toBeCloseTo(0);
    expect(quarterY).toBeCloseTo(1);
  });

  it('leaves the middle of the block where it is', () => {
    const before = block({ rows: 6, seats: 9 }, { x: 50, y: 80 });
    const after = turned(before, 90);
    const middle = (of: typeof before) => {
      const { minX, minY, maxX, maxY } = blockBox(of);
      return [(minX + maxX) / 2, (minY + maxY) / 2] as const;
    };
    expect(middle(after)[0]).toBeCloseTo(middle(before)[0], 0);
    expect(middle(after)[1]).toBeCloseTo(middle(before)[1], 0);
    expect(after.rotation).toBe(90);
  });

  it.each([
    [0, 0],
    [190, -170],
    [-190, 170],
    [360, 0],
    [180, 180],
    [-180, 180],
  ])('%i° is %i°', (degrees, same) => {
    expect(normalised(degrees)).toBe(same);
  });

  it('finds the seat that is meant, whichever way the block is turned', () => {
    const of = block({ rows: 5, seats: 6, curve: 40 }, { x: 100, y: 40, rotation: 130 });
    const { x, y, count } = placesOf(of.form);
    for (let index = 0; index < count; index++) {
      const [planX, planY] = outOf(of)(x[index] ?? 0, y[index] ?? 0);
      expect(nearestPlace(of, planX + 3, planY - 2)?.index).toBe(index);
    }
  });
});
