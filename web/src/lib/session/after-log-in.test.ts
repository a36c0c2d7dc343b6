import { expect, it } from 'vitest';

import { afterLogIn } from './after-log-in';

it('goes back to a page of ours', () => {
  expect(afterLogIn('next=/performances/01a1-b')).toBe('/performances/01a1-b');
});

it.each([undefined, '', 'next=', 'next=//evil.example', 'next=https://evil.example', 'next=/a?b'])(
  'goes home from %s',
  (query) => {
    expect(afterLogIn(query)).toBe('/');
  },
);
