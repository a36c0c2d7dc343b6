import { describe, expect, it, vi } from 'vitest';

import type { Context } from './glyphs';
import { Stills } from './stills';
import type { View } from './viewport';

const size = { width: 300, height: 200 };

function shown(stills: Stills, view: View) {
  const ctx = document.createElement('canvas').getContext('2d') as Context;
  const drawImage = vi.spyOn(ctx, 'drawImage');
  const given = stills.show(ctx, view, size, 1, '#ffffff');
  return { given, places: drawImage.mock.calls.map(([, ...place]) => place as number[]) };
}

describe('pictures of the map', () => {
  const canvas = document.createElement('canvas');

  it('are none before one is taken, nor after they were dropped', () => {
    const stills = new Stills();
    expect(shown(stills, { x: 0, y: 0, k: 1 }).given).toBe(false);
    stills.take(canvas, { x: 0, y: 0, k: 1 }, true);
    stills.drop();
    expect(shown(stills, { x: 0, y: 0, k: 1 }).given).toBe(false);
  });

  it('lie so that every seat of them is where it would be drawn anew', () => {
    const stills = new Stills();
    const then = { x: 10, y: 20, k: 2 };
    stills.take(canvas, then, false);
    const now = { x: -30, y: 5, k: 3 };
    const [[x = 0, y = 0, width = 0] = []] = shown(stills, now).places;
    const by = width / size.width;
    for (const seat of [0, 17, 90]) {
      expect(x + (seat * then.k + then.x) * by).toBeCloseTo(seat * now.k + now.x);
      expect(y + (seat * then.k + then.y) * by).toBeCloseTo(seat * now.k + now.y);
    }
  });

  it('lie over that of the whole plan', () => {
    const stills = new Stills();
    stills.take(canvas, { x: 0, y: 0, k: 1 }, true);
    stills.take(canvas, { x: -100, y: -100, k: 2 }, false);
    expect(shown(stills, { x: 0, y: 0, k: 1 }).places).toEqual([
      [0, 0, 300, 200],
      [50, 50, 150, 100],
    ]);
  });
});
