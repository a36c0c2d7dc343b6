import { describe, expect, it } from 'vitest';

import { type Memory, remember } from './past';
import type { Drift } from './stock';

const drift = (label: string, by: number): Drift => ({
  performance: 'p',
  section: label.charCodeAt(0),
  starts_at: '2030-12-24T20:00:00Z',
  label,
  drift: by,
});
const told = (...each: [string, readonly Drift[]][]): Memory =>
  each.reduce<Memory>((memory, [at, drifts]) => remember(memory, drifts, at), {
    open: [],
    past: [],
  });

describe('the memory of what did not add up', () => {
  it('has nothing past while it is still there', () => {
    const { open, past } = told(['1', [drift('A', 1)]], ['2', [drift('A', 1)]]);
    expect([open.length, past]).toEqual([1, []]);
  });

  it('keeps from when to when it was, and the most that it was', () => {
    const { open, past } = told(
      ['1', [drift('A', 1)]],
      ['2', [drift('A', -3)]],
      ['3', [drift('A', 1)]],
      ['4', []],
    );
    expect(open).toEqual([]);
    expect(past).toEqual([{ drift: drift('A', -3), from: '1', to: '4' }]);
  });

  it('tells sections apart and keeps a bounded number', () => {
    const both = told(['1', [drift('A', 1), drift('B', 1)]], ['2', [drift('B', 1)]]);
    expect(both.past.map(({ drift }) => drift.label)).toEqual(['A']);
    const many = told(
      ...Array.from({ length: 80 }, (_, at): [string, readonly Drift[]] => [
        `${at}`,
        at % 2 === 0 ? [drift('A', 1)] : [],
      ]),
    );
    expect(many.past).toHaveLength(20);
    expect(many.past[0]?.from).toBe('78');
  });
});
