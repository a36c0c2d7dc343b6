import { describe, expect, it } from 'vitest';

import { Pace, SHARP_EVERY_MS } from './pace';

/** Moves for so many frames; a frame drawn anew takes `anew` ms, another one 16. Gives how each was drawn. */
function moved(pace: Pace, frames: number, anew: number, from = 1000) {
  let now = from;
  return Array.from({ length: frames }, () => {
    const at = now;
    const slow = pace.isSlow(at);
    now += slow ? 16 : anew;
    return { at, slow };
  });
}

describe('the pace of drawing', () => {
  it('draws every frame anew where that keeps up', () => {
    expect(moved(new Pace(), 100, 17).some(({ slow }) => slow)).toBe(false);
  });

  it('moves the last picture where it does not, and draws anew now and then', () => {
    const frames = moved(new Pace(), 100, 50);
    expect(frames.filter(({ slow }) => slow).length).toBeGreaterThan(60);
    const anew = frames.filter(({ slow }) => !slow).map(({ at }) => at);
    const gaps = anew.slice(1).map((at, before) => at - (anew[before] ?? 0));
    expect(Math.max(...gaps)).toBeLessThan(SHARP_EVERY_MS + 66);
  });

  it('takes a pause for a pause', () => {
    const pace = new Pace();
    for (let at = 0; at < 20; at += 1) expect(pace.isSlow(at * 1000)).toBe(false);
    expect(pace.struggles).toBe(false);
  });

  it('does not count the time at rest', () => {
    const pace = new Pace();
    for (let at = 0; at < 20; at += 1) {
      expect(pace.isSlow(at * 100)).toBe(false);
      pace.rest();
    }
  });

  it('recovers when drawing keeps up again', () => {
    const pace = new Pace();
    moved(pace, 20, 50);
    expect(pace.struggles).toBe(true);
    moved(pace, 300, 10, 60_000);
    expect(pace.struggles).toBe(false);
  });
});
