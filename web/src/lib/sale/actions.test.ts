import { describe, expect, it } from 'vitest';

import { whoDid, withNewer, wordsOf } from './actions';
import type { Action } from './answers';

const action = (action: string, detail: Action['detail'] = {}): Action => ({
  id: action,
  at: '2030-12-24T20:00:00Z',
  action,
  by: { account_id: 'a', name: null, email: null },
  detail,
});

describe('an action in words', () => {
  it.each([
    ['pause', {}, 'Paused admission'],
    ['resume', {}, 'Resumed admission'],
    ['rate', { admit_per_second: 1_200 }, 'Set the rate to 1,200 a second'],
    ['rate', { admit_per_second: null }, 'Set the rate back to the event’s own'],
    ['room', { max_inside: 0 }, 'Set the room inside to 0'],
    ['room', { max_inside: null }, 'Set the room inside back to the event’s own'],
    ['close', {}, 'Closed the waiting room'],
    ['reopen', {}, 'Reopened the waiting room'],
    [
      'extend_holds',
      { by_s: 300, extended: 31 },
      'Extended all holds to at least 5 minutes (31 holds)',
    ],
    [
      'extend_holds',
      { by_s: 90, extended: 1 },
      'Extended all holds to at least 90 seconds (1 hold)',
    ],
    ['extend_holds', {}, 'Extended all holds'],
    ['block', { seats: 1 }, 'Blocked 1 seat'],
    ['unblock', { seats: 2 }, 'Unblocked 2 seats'],
    ['block', {}, 'Blocked seats'],
    ['brand_new', { what: 1 }, 'brand_new'],
  ])('%s %o', (name, detail, words) => {
    expect(wordsOf(action(name, detail))).toBe(words);
  });

  it('says each time that was changed or taken away', () => {
    const words = wordsOf(
      action('reschedule', { sale_opens_at: '2030-12-24T20:00:00Z', sale_closes_at: null }),
    );
    expect(words).toMatch(
      /^Changed the times\. Sale opens: .*Dec 2[45], 2030.*\. Sale closes: no time\.$/,
    );
    expect(words).not.toContain('Begins');
  });

  it('names who it was as well as it can', () => {
    const by = { account_id: 'a' };
    expect(whoDid({ ...action('pause'), by: { ...by, name: 'Kim', email: 'k@example.com' } })).toBe(
      'Kim · k@example.com',
    );
    expect(whoDid({ ...action('pause'), by: { ...by, name: ' ', email: 'k@example.com' } })).toBe(
      'k@example.com',
    );
    expect(whoDid({ ...action('pause'), by })).toBe('An account that is gone');
  });
});

describe('the log', () => {
  it('has each entry once, newest first', () => {
    const [a, b, c] = [action('a'), action('b'), action('c')];
    expect(withNewer([b, c], [a, b])).toEqual([a, b, c]);
  });
});
