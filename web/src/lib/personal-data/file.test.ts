import { describe, expect, it } from 'vitest';

import { type MyData, type Reads, everything, fileName, whole } from './file';

const nothing = () => undefined;

describe('a list that comes in pieces', () => {
  it('is there at once where there is one piece', async () => {
    const never = () => Promise.reject(new Error('asked for more'));
    expect(await whole({ items: [1, 2], next_cursor: null }, never, nothing)).toEqual([1, 2]);
    expect(await whole({ items: [] }, never, nothing)).toEqual([]);
  });

  it('is followed to its end, in order, and tells how it goes', async () => {
    const pieces: Record<string, { items: number[]; next_cursor?: string | null }> = {
      a: { items: [3, 4], next_cursor: 'b' },
      b: { items: [], next_cursor: 'c' },
      c: { items: [5] },
    };
    const came: number[] = [];
    const next = (cursor: string) => Promise.resolve(pieces[cursor] ?? { items: [] });
    const first = { items: [1, 2], next_cursor: 'a' };
    expect(await whole(first, next, (count) => came.push(count))).toEqual([1, 2, 3, 4, 5]);
    expect(came).toEqual([2, 2, 0, 1]);
  });

  it('fails as a whole with one of its pieces', async () => {
    const next = () => Promise.reject(new Error('away'));
    await expect(whole({ items: [1], next_cursor: 'a' }, next, nothing)).rejects.toThrow('away');
  });

  it('has an end, whatever is answered', async () => {
    const first = { items: [0], next_cursor: 'a' };
    const round = () => Promise.resolve({ items: [1], next_cursor: 'a' });
    await expect(whole(first, round, nothing)).rejects.toThrow('no end');
    let asked = 0;
    const on = () => Promise.resolve({ items: [1], next_cursor: `c${(asked += 1)}` });
    await expect(whole(first, on, nothing)).rejects.toThrow('no end');
    expect(asked).toBe(200);
  });
});

const about = {
  account_id: 'a1',
  kind: 'account',
  email: 'kim@example.com',
  log_ins: [],
  balance: { amount: 0, currency: 'KRW' },
  wishes: [],
};

it('the file has both lists as a whole and the rest as it is', async () => {
  const piece = (ids: string[], next: string | null) =>
    ({ items: ids.map((id) => ({ id })), next_cursor: next }) as MyData['orders'] &
      MyData['reservations'];
  const data: MyData = {
    ...about,
    orders: piece(['o1'], 'o1'),
    reservations: piece(['r1'], 'r1'),
  };
  const reads: Reads = {
    data: () => Promise.resolve(data),
    orders: (cursor) => Promise.resolve(piece([`after ${cursor}`], null)),
    reservations: (cursor) => Promise.resolve(piece([`after ${cursor}`], null)),
  };
  const told: number[] = [];
  const file = await everything(reads, (count) => told.push(count));
  expect(file).toEqual({
    ...about,
    orders: piece(['o1', 'after o1'], null),
    reservations: piece(['r1', 'after r1'], null),
  });
  expect(told).toEqual([1, 2, 3, 4]);
});

it('is named for the day on the calendar here', () => {
  expect(fileName(new Date(2026, 0, 9, 0, 1))).toBe('onsale-data-2026-01-09.json');
  expect(fileName(new Date(2026, 11, 31, 23, 59))).toBe('onsale-data-2026-12-31.json');
});
