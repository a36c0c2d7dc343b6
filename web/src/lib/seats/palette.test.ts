import { describe, expect, it } from 'vitest';

import { contrastOf, legible, markOn, mixed } from './palette';

const grounds = [
  ['#fbfaf7', '#ece8df'],
  ['#1b1820', '#2b2732'],
];
const colors = ['#ffffff', '#000000', '#8e3b5e', '#ffee00', '#2f6f8f', '#777777'];

describe('colours of categories', () => {
  it.each(grounds)('are told from %s and %s', (first, second) => {
    for (const color of colors) {
      const shown = legible(color, [first, second]);
      expect(contrastOf(shown, first)).toBeGreaterThanOrEqual(2.95);
      expect(contrastOf(shown, second)).toBeGreaterThanOrEqual(2.95);
    }
  });

  it.each(grounds)('carry a mark that can be read, on %s and %s', (...on) => {
    for (const color of colors) {
      const shown = legible(color, on);
      expect(contrastOf(shown, markOn(shown))).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('stay as they are where that is enough', () => {
    expect(legible('#8e3b5e', ['#fbfaf7'])).toBe('#8e3b5e');
  });

  it('survive what is no colour', () => {
    expect(legible('tomato', ['#ffffff'])).toMatch(/^#[\da-f]{6}$/);
  });

  it('mix', () => {
    expect(mixed('#000000', '#ffffff', 0.5)).toBe('#808080');
    expect(contrastOf('#000', '#fff')).toBeCloseTo(21);
  });
});
