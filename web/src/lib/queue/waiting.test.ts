import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Problem } from '$lib/api/problems';

import { keep, kept, passFor } from './kept';
import type { Place } from './queue';
import { Waiting, type WaitingParts } from './waiting.svelte';

const EVENT = '01890000-0000-7000-8000-000000000001';
const CLAIM_AGAIN_MS = 1_500;

const place = (status: string, more: Partial<Place> = {}): Place => ({
  ticket: 'ticket',
  status,
  position: 4,
  ahead: 3,
  eta_s: null,
  poll_after_ms: 3_000,
  odds: null,
  claim_until: null,
  at_door: false,
  missed: false,
  inside_until: null,
  return_line: false,
  ...more,
});

const refusal = (status: number, code: string, extras = {}) =>
  new Problem({ status, code, ...extras });

let now: Place;
let calls: string[];
let stops: (() => void)[];

function waiting(parts: Partial<WaitingParts> = {}): Waiting {
  return new Waiting(EVENT, {
    join: (_, proof) => {
      calls.push(`join ${proof ?? ''}`.trim());
      return Promise.resolve(now);
    },
    enter: () => {
      calls.push('enter');
      return Promise.resolve({ pass: 'pass', expiresAt: '2999-01-01T00:00:00Z' });
    },
    leave: () => {
      calls.push('leave');
      return Promise.resolve();
    },
    surroundings: () => ({
      openEvents: () => ({ close: () => undefined }),
      ask: () => Promise.resolve(now),
      setTimer: () => () => undefined,
      random: () => 0,
      online: () => true,
    }),
    prove: () => Promise.reject(new Error('no work was asked for')),
    onpass: (asked) => calls.push(asked ? 'in, asked' : 'in'),
    ...parts,
  });
}

async function started(parts: Partial<WaitingParts> = {}): Promise<Waiting> {
  const made = waiting(parts);
  stops.push(made.start());
  await vi.waitFor(() => expect(made.joining).toBe(false));
  await vi.waitFor(() => expect(made.place ?? made.problem).toBeDefined());
  return made;
}

beforeEach(() => {
  now = place('waiting');
  calls = [];
  stops = [];
});

afterEach(() => {
  for (const stop of stops) stop();
  vi.useRealTimers();
});

describe('waiting', () => {
  it('joins once, also over a reload and a second tab', async () => {
    const [first, second] = await Promise.all([started(), started()]);
    await started();
    expect(calls).toEqual(['join']);
    expect([first.place?.position, second.place?.position]).toEqual([4, 4]);
    now = place('waiting', { ahead: 1 });
    const reloaded = await started();
    expect([reloaded.aheadAtFirst, reloaded.place?.ahead]).toEqual([3, 1]);
  });

  it('does the work that is asked for, and not for ever', async () => {
    const asked = refusal(428, 'work_required', { bits: 3, challenge: 'ff00' });
    const prove = vi.fn<WaitingParts['prove']>((_, onprogress) => {
      onprogress(4);
      return Promise.resolve('proof');
    });
    const join: WaitingParts['join'] = (_, proof) => {
      calls.push(`join ${proof ?? ''}`.trim());
      return proof ? Promise.resolve(now) : Promise.reject(asked);
    };
    await started({ join, prove });
    expect(calls).toEqual(['join', 'join proof']);
    expect(prove.mock.calls[0]?.[0]).toEqual({ challenge: Uint8Array.of(255, 0), bits: 3 });

    localStorage.clear();
    const never = await started({ join: () => Promise.reject(asked), prove });
    expect(never.problem?.code).toBe('work_required');
    expect(prove).toHaveBeenCalledTimes(4);
  });

  it('keeps the pass of a turn that was claimed, and goes in', async () => {
    now = place('ready', { claim_until: '2999-01-01T00:00:00Z' });
    const here = await started();
    expect(calls).toEqual(['join']);
    await Promise.all([here.claim(), here.claim()]);
    expect(calls).toEqual(['join', 'enter', 'in, asked']);
    expect(passFor(EVENT, Date.now())?.pass).toBe('pass');
    expect(passFor(EVENT, Date.parse('2999-01-02'))).toBeUndefined();
  });

  it('fetches the pass of who is inside already, without leading them away', async () => {
    now = place('inside');
    const here = await started();
    await vi.waitFor(() => expect(here.pass?.pass).toBe('pass'));
    expect(calls).toEqual(['join', 'enter', 'in']);
  });

  it('claims again at the door', async () => {
    now = place('ready');
    let isFull = true;
    const enter: WaitingParts['enter'] = () => {
      calls.push('enter');
      return isFull
        ? Promise.reject(refusal(425, 'not_your_turn', { at_door: true }))
        : Promise.resolve({ pass: 'pass', expiresAt: '2999-01-01T00:00:00Z' });
    };
    const here = await started({ enter });
    vi.useFakeTimers();
    await here.claim();
    expect([here.atDoor, here.failure]).toEqual([true, undefined]);
    isFull = false;
    await vi.advanceTimersByTimeAsync(CLAIM_AGAIN_MS);
    expect([here.atDoor, here.pass?.pass]).toEqual([false, 'pass']);
    expect(calls).toEqual(['join', 'enter', 'enter', 'in, asked']);
  });

  it('says so when the turn is over, the place is gone, or all is sold', async () => {
    for (const [status, code, shown] of [
      [410, 'turn_missed', 'failure'],
      [403, 'ticket_invalid', 'problem'],
      [409, 'sold_out', 'problem'],
    ] as const) {
      localStorage.clear();
      now = place('ready');
      const here = await started({ enter: () => Promise.reject(refusal(status, code)) });
      await here.claim();
      expect(here[shown]?.code).toBe(code);
    }
  });

  it('leaves, and can join again', async () => {
    const here = await started();
    await here.leave();
    expect([here.left, kept(EVENT)]).toEqual([true, undefined]);
    await here.joinAgain();
    expect(here.left).toBe(false);
    expect(calls).toEqual(['join', 'leave', 'join']);
  });

  it('stays where leaving fails', async () => {
    const here = await started({ leave: () => Promise.reject(refusal(503, 'unavailable')) });
    await here.leave();
    expect([here.left, here.failure?.code]).toEqual([false, 'unavailable']);
    expect(kept(EVENT)?.ticket).toBe('ticket');
  });

  it('ends here when another tab has left', async () => {
    const here = await started();
    localStorage.clear();
    dispatchEvent(new StorageEvent('storage', { key: `onsale.queue.${EVENT}` }));
    expect([here.place, here.problem?.code]).toEqual([undefined, 'ticket_invalid']);
  });

  it('takes over what another tab has claimed', async () => {
    const here = await started();
    const pass = { pass: 'theirs', expiresAt: '2999-01-01T00:00:00Z' };
    keep(EVENT, { ticket: 'ticket', pass });
    dispatchEvent(new StorageEvent('storage', { key: `onsale.queue.${EVENT}` }));
    expect(here.pass?.pass).toBe('theirs');
  });
});

it('does not trip over what else may be stored, and keeps only so much', () => {
  for (const rubbish of ['', '{', 'null', '[]', '{"ticket":1}', '{"ticket":"t","pass":{}}']) {
    localStorage.setItem(`onsale.queue.${EVENT}`, rubbish);
    expect(kept(EVENT)).toBeUndefined();
  }
  for (let event = 100; event < 150; event += 1) keep(String(event), { ticket: 't' });
  const keys = Object.keys(localStorage).filter((key) => key.startsWith('onsale.queue.'));
  expect(keys).toHaveLength(30);
  expect(kept('149')?.ticket).toBe('t');
});
