import { expect, it } from 'vitest';

import { addressOf, searchIn } from './find';

it('keeps what is looked for in the address', () => {
  const search = { event: 'e-1', query: '김 & 010', status: 'paid' };
  const address = addressOf(search);
  expect(address).toMatch(/^#\/manage\/orders\?event=e-1&query=/);
  expect(searchIn(address.split('?')[1])).toEqual(search);
  expect(addressOf(search, 'o-1')).toBe(address.replace('?', '/o-1?'));
  expect(addressOf(searchIn(undefined))).toBe('#/manage/orders');
});
