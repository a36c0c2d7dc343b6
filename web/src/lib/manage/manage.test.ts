import { describe, expect, it } from 'vitest';

import { orderIdIn } from './manage';

const id = '01a200c3-15b7-79c5-83fb-bd739444c3b1';

describe('what is pasted as an order', () => {
  it.each([
    [id, id],
    [` ${id.toUpperCase()}\n`, id],
    [`https://tickets.example.com/#/orders/${id}`, id],
    ['01a200c3-15b7', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    expect(orderIdIn(text)).toBe(expected);
  });
});
