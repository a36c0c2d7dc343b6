import { expect, it } from 'vitest';

import { afterLogIn } from './after-log-in';

it('goes back to a page of ours', () => {
  expect(afterLogIn('next=/performances/01a1-b')).toBe('/performances/01a1-b');
  expect(afterLogIn('next=%2Fmanage%2Fevents%2F1%2Fsale%3Fwall')).toBe(
    '/manage/events/1/sale?wall',
  );
});

it.each([
  undefined,
  '',
  'next=',
  'next=//evil.example',
  'next=https://evil.example',
  'next=/a?b=//evil.example',
])('goes home from %s', (query) => {
  expect(afterLogIn(query)).toBe('/');
});
