import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Problem } from '$lib/api/problems';

import type { Wish, WishCalls } from './wishes';
import { LOOK_FAR_MS, LOOK_MS, Wishing } from './wishing.svelte';

const wish = (status: string, more: Partial<Wish> = {}): Wish => ({
  performance_id: 'p',
  quantity: 2,
  category: null,
  area_id: null,
  together: true,
  position: 7,
  status,
  offer: null,
  ...more,
});
const asked = { performance_id: 'p', quantity: 2, together: true };

let there: Wish | undefined;
let looks: number;
let stop: (() => void) | undefined;

const calls: WishCalls = {
  read: () => {
    looks += 1;
    return there
      ? Promise.resolve(there)
      : Promise.reject(new Problem({ status: 404, code: 'not_found' }));
  },
  put: () => Promise.resolve((there = wish('waiting'))),
  withdraw: () => {
    there = wish('withdrawn');
    return Promise.resolve();
  },
};

async function started(more: Partial<WishCalls> = {}): Promise<Wishing> {
  const wishing = new Wishing('e', 't', { ...calls, ...more }, () => 0.5);
  stop = wishing.start();
  await vi.waitFor(() => expect(wishing.known).toBe(true));
  return wishing;
}

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true });
  there = undefined;
  looks = 0;
});

afterEach(() => {
  stop?.();
  vi.useRealTimers();
});

describe('a wish', () => {
  it('is none at first, and not asked for again', async () => {
    const wishing = await started();
    expect(wishing.wish).toBeUndefined();
    await vi.advanceTimersByTimeAsync(LOOK_FAR_MS * 2);
    expect(looks).toBe(1);
  });

  it('is followed until something is held, and what becomes of that', async () => {
    const wishing = await started();
    expect(await wishing.put(asked)).toBe(true);
    expect(wishing.wish?.status).toBe('waiting');
    there = wish('offered', {
      offer: { reservation_id: 'r', performance_id: 'p', expires_at: '2999-01-01T00:00:00Z' },
    });
    await vi.advanceTimersByTimeAsync(LOOK_MS + 10);
    expect(wishing.wish?.offer?.reservation_id).toBe('r');
    there = wish('missed');
    await vi.advanceTimersByTimeAsync(LOOK_MS + 10);
    expect(wishing.wish?.status).toBe('missed');
    const before = looks;
    await vi.advanceTimersByTimeAsync(LOOK_FAR_MS * 2);
    expect(looks).toBe(before);
  });

  it('is asked for less often from far back', async () => {
    there = wish('waiting', { position: 5_000 });
    await started();
    await vi.advanceTimersByTimeAsync(LOOK_FAR_MS - 500);
    expect(looks).toBe(1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(looks).toBe(2);
  });

  it('is withdrawn', async () => {
    there = wish('waiting');
    const wishing = await started();
    expect(await wishing.withdraw()).toBe(true);
    expect(wishing.wish?.status).toBe('withdrawn');
  });

  it('that was refused says why, and shows what is there', async () => {
    const put = () => Promise.reject(new Problem({ status: 409, code: 'offer_open' }));
    const wishing = await started({ put });
    there = wish('offered');
    expect(await wishing.put(asked)).toBe(false);
    expect(wishing.problem?.code).toBe('offer_open');
    await vi.waitFor(() => expect(wishing.wish?.status).toBe('offered'));
  });

  it('is not turned back by a look that began before it', async () => {
    const wishing = await started();
    let answer: (wish: Wish) => void = () => undefined;
    const slow = new Wishing('e', 't', {
      ...calls,
      read: () => new Promise<Wish>((resolve) => (answer = resolve)),
    });
    const look = slow.look();
    await slow.put(asked);
    answer(wish('missed'));
    await look;
    expect(slow.wish?.status).toBe('waiting');
    expect(wishing.wish).toBeUndefined();
  });
});
