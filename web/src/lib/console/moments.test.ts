import { describe, expect, it } from 'vitest';

import { toLocal, toUtc } from './moments';

describe('times in inputs', () => {
  it('go there and back as the same minute', () => {
    for (const at of [
      '2026-12-24T20:00:00.000Z',
      '2026-03-29T00:30:00.000Z',
      '2026-07-01T23:59:30.000Z',
    ])
      expect(toUtc(toLocal(at))).toBe(at);
    expect(toLocal('2026-12-24T20:00:00Z')).toMatch(/^2026-12-2[45]T\d\d:\d\d$/);
    expect(toLocal('2026-12-24T20:00:30Z')).toMatch(/:30$/);
  });

  it('are empty where there is none', () => {
    expect(toLocal(null)).toBe('');
    expect(toLocal('soon')).toBe('');
    expect(toUtc('')).toBeUndefined();
    expect(toUtc('2026-12-24')).toBeUndefined();
    expect(toUtc('2026-13-24T20:00')).toBeUndefined();
  });
});
