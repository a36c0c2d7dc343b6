import { describe, expect, it } from 'vitest';

import { chordAt, outlineOf, simplified } from './outlines';
import { SeatingModel } from './model';
import { grid } from './plans';
import { between, centredOn, constrained, scaledAt, scalesOf, seenBox, viewOf } from './viewport';

const size = { width: 360, height: 400 };
const box = { minX: 0, minY: 0, maxX: 1000, maxY: 500 };

describe('scales', () => {
  it('fit the whole plan in', () => {
    const { fit } = scalesOf(box, size, 25);
    const seen = seenBox(viewOf(box, size, fit), size);
    expect(seen.minX).toBeLessThanOrEqual(0);
    expect(seen.maxX).toBeGreaterThanOrEqual(1000);
    expect((seen.minY + seen.maxY) / 2).toBeCloseTo(250);
  });

  it('always reach seats of 44 px', () => {
    const { fit, touch, most } = scalesOf(box, size, 25);
    expect(touch * 25).toBeCloseTo(44);
    expect(most).toBeGreaterThan(touch);
    expect(fit).toBeLessThan(touch);
  });

  it('do not blow up a plan of a few seats', () => {
    const { fit, touch } = scalesOf({ minX: 0, minY: 0, maxX: 75, maxY: 75 }, size, 25);
    expect(25 * fit).toBeCloseTo(56);
    expect(touch).toBeGreaterThanOrEqual(fit);
  });

  it('are finite for a single seat and a hidden map', () => {
    const nothing = { minX: 5, minY: 5, maxX: 5, maxY: 5 };
    for (const value of Object.values(scalesOf(nothing, { width: 0, height: 0 }, 25))) {
      expect(Number.isFinite(value)).toBe(true);
    }
  });
});

describe('views', () => {
  it('keep the point under the pointer', () => {
    const view = { x: 30, y: -20, k: 2 };
    const scaled = scaledAt(view, 100, 50, 5);
    expect((100 - scaled.x) / scaled.k).toBeCloseTo((100 - view.x) / view.k);
    expect((50 - scaled.y) / scaled.k).toBeCloseTo((50 - view.y) / view.k);
  });

  it('never lose the plan', () => {
    const lost = constrained({ x: 99_999, y: -99_999, k: 2 }, box, size);
    const seen = seenBox(lost, size);
    expect(seen.minX).toBeLessThan(box.maxX);
    expect(seen.maxY).toBeGreaterThan(box.minY);
    expect(seen.maxX).toBeGreaterThan(box.minX);
    expect(seen.minY).toBeLessThan(box.maxY);
  });

  it('leave a small plan in the middle', () => {
    const small = { minX: 0, minY: 0, maxX: 100, maxY: 100 };
    expect(constrained({ x: 5, y: 300, k: 1 }, small, size)).toEqual({ x: 130, y: 150, k: 1 });
  });

  it('begin and end a move where they should, and come straight', () => {
    const [from, to] = [viewOf(box, size, 0.3), centredOn(800, 100, size, 2)];
    expect(between(from, to, size, 1)).toEqual(to);
    const start = between(from, to, size, 0);
    expect([start.x, start.y, start.k].map((value) => value.toFixed(6))).toEqual(
      [from.x, from.y, from.k].map((value) => value.toFixed(6)),
    );
    const half = between(from, to, size, 0.5);
    expect(half.k).toBeCloseTo(Math.sqrt(0.3 * 2));
    expect(800 * half.k + half.x).toBeCloseTo((800 * from.k + from.x + 180) / 2);
  });
});

describe('outlines', () => {
  it('of a block of rows are its corners', () => {
    const model = new SeatingModel(grid(4, 6));
    const [section] = model.sections;
    const outline = section ? outlineOf(model, section) : [];
    expect(new Set(outline.map(String))).toEqual(new Set(['0,0', '50,0', '50,30', '0,30']));
  });

  it('keep a bend that matters and drop one that does not', () => {
    expect(simplified([[0, 0], [5, 0.1], [10, 0]], 1)).toEqual([[0, 0], [10, 0]]); // prettier-ignore
    expect(simplified([[0, 0], [5, 3], [10, 0]], 1)).toHaveLength(3); // prettier-ignore
  });

  it('say how wide they are at a height', () => {
    const triangle = [[0, 0], [10, 0], [5, 10]] as const; // prettier-ignore
    expect(chordAt(triangle, 5, 5)).toEqual([2.5, 7.5]);
    expect(chordAt(triangle, 5, 50)).toBeUndefined();
  });
});
