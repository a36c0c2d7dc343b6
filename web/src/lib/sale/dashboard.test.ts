import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { unanswered } from '$lib/api/problems';

import type { Figures, Moment } from './answers';
import { Dashboard, OLD_MS } from './dashboard.svelte';

const START = 1_790_000_000_000;

let answer: (since: number | undefined) => Promise<Figures>;
let asked: (number | undefined)[];
let stop: () => void;

function at(seconds: number, drift = 0): Figures {
  const at_ms = START + seconds * 1_000;
  const stock = {
    capacity: 10,
    available: 10 - drift,
    held: 0,
    paying: 0,
    sold: 0,
    blocked: 0,
    drift,
  };
  return {
    at: new Date(at_ms).toISOString(),
    at_ms,
    performances: [
      {
        id: 'p',
        starts_at: '2030-12-24T20:00:00Z',
        viewers: 0,
        stock,
        sections: [{ label: 'A', kind: 'section', ...stock }],
      },
    ],
    room: null,
    sales: { holds: 0, orders: 0 },
    traffic: { window_s: 10, requests_per_s: 0, error_rate: 0, refusals: {} },
    history: [{ at_ms: at_ms - 400 } as Moment],
  };
}

function follow(): Dashboard {
  const board = new Dashboard('e', undefined, (_, since) => {
    asked.push(since);
    return answer(since);
  });
  stop = board.follow();
  return board;
}

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

describe('the dashboard', () => {
  it('asks for what came after the last second that it knows', async () => {
    let second = 0;
    answer = () => Promise.resolve(at((second += 1)));
    const board = follow();
    await vi.advanceTimersByTimeAsync(2_500);
    expect(asked).toEqual([undefined, START + 600, START + 1_600]);
    expect(board.history).toHaveLength(3);
    expect(board.old).toBe(false);
  });

  it('is old when nothing comes, and not any more when something does', async () => {
    answer = () => Promise.resolve(at(1));
    const board = follow();
    await vi.advanceTimersByTimeAsync(0);
    answer = () => Promise.reject(unanswered(undefined));
    await vi.advanceTimersByTimeAsync(OLD_MS + 1_000);
    expect(board.old).toBe(true);
    expect(board.problem?.code).toBe('network');
    expect(board.latest?.at_ms).toBe(START + 1_000);
    answer = () => Promise.resolve(at(20));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(board.problem).toBeUndefined();
    expect(board.latest?.at_ms).toBe(START + 20_000);
  });

  it('is old when the same moment comes again and again', async () => {
    answer = () => Promise.resolve(at(1));
    const board = follow();
    await vi.advanceTimersByTimeAsync(OLD_MS + 1_500);
    expect(asked.length).toBeGreaterThan(3);
    expect(board.problem).toBeUndefined();
    expect(board.old).toBe(true);
  });

  it('remembers a drift that is over until it is told that it was seen', async () => {
    let second = 0;
    answer = () => Promise.resolve(at((second += 1), second === 2 ? 1 : 0));
    const board = follow();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(board.drifts.map(({ label }) => label)).toEqual(['A']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(board.drifts).toEqual([]);
    expect(board.past).toMatchObject([{ drift: { label: 'A', drift: 1 } }]);
    board.forgetPast();
    expect(board.past).toEqual([]);
  });
});
