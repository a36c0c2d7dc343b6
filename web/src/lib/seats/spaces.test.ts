import { describe, expect, it } from 'vitest';

import { layersOf } from './glyphs';
import { looks } from './looks';
import { SeatingModel } from './model';
import type { Palette } from './palette';
import { grid, withSpaces } from './plans';
import { reminderOf, spaceCode } from './spaces';

const model = new SeatingModel(withSpaces(grid(1, 4), [1, 2], [3]));
const reminder = (picked: number[], mine: number[] = []) =>
  reminderOf(picked, mine, (id) => model.spaceOf(id));

describe('spaces for wheelchairs', () => {
  it('are known from the plan, and counted', () => {
    expect(model.ids().map((id) => model.spaceOf(id))).toEqual([
      'accessible',
      'accessible',
      'companion',
      undefined,
    ]);
    expect(model.seat(3)?.space).toBe('companion');
    expect(model.spaces).toBe(3);
    expect(model.kept).toEqual(['accessible', 'companion']);
    expect(new SeatingModel(grid(1, 4)).kept).toEqual([]);
  });

  it('are a space rather than both', () => {
    const seat = { id: 1, label: 'A-1', x: 0, y: 0, category: 'Stalls' };
    expect(spaceCode({ ...seat, accessible: true, companion: true })).toBe(1);
    expect(spaceCode({ ...seat, accessible: false })).toBe(0);
  });

  it('remind whom they are for', () => {
    expect(reminder([4])).toBeUndefined();
    expect(reminder([1, 4])).toBe('accessible');
    expect(reminder([1, 3])).toBe('accessible');
  });

  it('are asked for with a companion seat, unless one is there already', () => {
    expect(reminder([3])).toBe('companion');
    expect(reminder([3, 4])).toBe('companion');
    expect(reminder([3], [2])).toBeUndefined();
    expect(reminder([], [3])).toBeUndefined();
  });

  it('look different from other seats and from each other in every state, colours apart', () => {
    const color = 'grey';
    const palette = {
      categories: [{ fill: color, mark: color, soft: color }],
    } as unknown as Palette;
    const shape = (look: (typeof looks)[number], space?: 'accessible' | 'companion') =>
      JSON.stringify(
        layersOf(look, 10, palette, 0, space).map(({ width, lines }) => [width, lines]),
      );
    const all = looks.flatMap((look) => [
      shape(look),
      shape(look, 'accessible'),
      shape(look, 'companion'),
    ]);
    expect(new Set(all).size).toBe(3 * looks.length);
  });
});
