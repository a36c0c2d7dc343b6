import { describe, expect, it } from 'vitest';

import type { Place } from './queue';
import { QUIET_MS, isWorthTelling, progressOf, roughly } from './telling';

const waiting = (ahead: number, more: Partial<Place> = {}): Place => ({
  ticket: 't',
  status: 'waiting',
  position: ahead + 1,
  ahead,
  eta_s: null,
  poll_after_ms: 1000,
  odds: null,
  claim_until: null,
  at_door: false,
  missed: false,
  inside_until: null,
  return_line: false,
  ...more,
});

describe('telling', () => {
  const last = { place: waiting(100), atMs: 0 };

  it('begins with the place', () => {
    expect(isWorthTelling(waiting(100), undefined, 0)).toBe(true);
  });

  it('tells a turn at once', () => {
    expect(isWorthTelling(waiting(0, { status: 'ready' }), last, 1)).toBe(true);
    const ready = { place: waiting(0, { status: 'ready' }), atMs: 0 };
    expect(isWorthTelling(waiting(0, { status: 'ready', missed: true }), ready, 1)).toBe(true);
    expect(isWorthTelling(waiting(0, { status: 'ready', at_door: true }), ready, 1)).toBe(true);
  });

  it('tells a move after a while, if it is one', () => {
    expect(isWorthTelling(waiting(50), last, QUIET_MS - 1)).toBe(false);
    expect(isWorthTelling(waiting(50), last, QUIET_MS)).toBe(true);
    expect(isWorthTelling(waiting(91), last, QUIET_MS)).toBe(false);
    expect(isWorthTelling(waiting(90), last, QUIET_MS)).toBe(true);
    expect(isWorthTelling(waiting(100), last, QUIET_MS * 10)).toBe(false);
    const near = { place: waiting(2), atMs: 0 };
    expect(isWorthTelling(waiting(1), near, QUIET_MS)).toBe(true);
  });

  it('tells when the odds turn', () => {
    const before = { place: waiting(100, { odds: { reached: 900, likely: true } }), atMs: 0 };
    const now = waiting(99, { odds: { reached: 80, likely: false } });
    expect(isWorthTelling(now, before, QUIET_MS)).toBe(true);
    expect(isWorthTelling(now, before, 1)).toBe(false);
  });
});

it('says how long as people do', () => {
  const said = (seconds: number) => Object.values(roughly(seconds)).join(' ');
  expect([0, 59, 60, 100, 570].map(said)).toEqual([
    'soon',
    'soon',
    'minutes 1',
    'minutes 2',
    'minutes 10',
  ]);
  expect([700, 5000, 5400, 9000].map(said)).toEqual([
    'minutes 10',
    'minutes 85',
    'hours 2',
    'hours 3',
  ]);
});

it('knows how far along a place is', () => {
  expect(progressOf(25, 100)).toBe(0.75);
  expect(progressOf(120, 100)).toBe(0);
  expect(progressOf(0, 0)).toBeUndefined();
  expect(progressOf(null, 100)).toBeUndefined();
  expect(progressOf(5, undefined)).toBeUndefined();
});
