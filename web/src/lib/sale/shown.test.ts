import { describe, expect, it } from 'vitest';

import { wholeIn } from './levers.svelte';
import { roundUp } from './plot';
import { NONE, countdown, milliseconds, of, percent, rate, span } from './shown';
import { refusalsOf } from './tiles';

describe('figures', () => {
  it('are a dash where there is none', () => {
    expect([percent(null), rate(undefined), milliseconds(NaN), of(1, 0)]).toEqual(
      Array.from({ length: 4 }, () => NONE),
    );
  });

  it('never show something as nothing, nor nearly all as all', () => {
    expect(percent(0)).toBe('0%');
    expect(percent(0.0004)).toBe('0.04%');
    expect(percent(0.37)).toBe('37%');
    expect(percent(0.9999)).toBe('99.9%');
    expect(percent(1)).toBe('100%');
    expect(rate(0.4)).toBe('0.4');
    expect(rate(842.4)).toBe('842');
  });

  it('have a unit that fits', () => {
    expect(milliseconds(3.24)).toBe('3.2 ms');
    expect(milliseconds(842)).toBe('842 ms');
    expect(milliseconds(12_340)).toBe('12.3 sec');
    expect([span(4.9), span(119), span(120), span(7_300)]).toEqual([
      '4 seconds',
      '119 seconds',
      '2 minutes',
      '2 hours',
    ]);
  });

  it('count down by the clock, with days before it', () => {
    const days = (count: number) => `${count} d`;
    expect(countdown(3_725, days)).toBe('1:02:05');
    expect(countdown(0.2, days)).toBe('0:00:01');
    expect(countdown(-5, days)).toBe('0:00:00');
    expect(countdown(90_000, days)).toBe('1 d 1:00:00');
  });

  it('are round at the top of an axis', () => {
    expect([0, 1, 7, 11, 99, 1_117, 8_001].map(roundUp)).toEqual([0, 1, 8, 15, 100, 1_500, 10_000]);
  });
});

describe('what is typed', () => {
  it('is a whole number within bounds', () => {
    expect(wholeIn(' 1,200 ', 0, 5_000)).toBe(1_200);
    expect(wholeIn('0', 0, 5_000)).toBe(0);
    for (const wrong of ['', '-1', '1e3', '5001', 'many']) {
      expect(wholeIn(wrong, 0, 5_000), wrong).toBeUndefined();
    }
  });

  it('is no number with a fraction', () => {
    expect(wholeIn('2.5', 0, 5_000)).toBeUndefined();
  });
});

describe('refusals', () => {
  it('come with the most frequent first, none that did not happen', () => {
    const found = refusalsOf({ sold_out: 0, seat_taken: 2, rate_limited: 7, hold_expired: 2 });
    expect(found.map(({ code }) => code)).toEqual(['rate_limited', 'hold_expired', 'seat_taken']);
  });
});
