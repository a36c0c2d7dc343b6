import { describe, expect, it } from 'vitest';

import type { DeltaFrame } from '$lib/live/frames';

import { statuses } from './model';
import { unpack } from './packed';
import { packed, snapshot } from './plans';
import { SeatStates } from './states.svelte';

const delta = (from: string, to: string, changes: Partial<DeltaFrame>): DeltaFrame => ({
  type: 'delta',
  from,
  to,
  ...changes,
});

const all = (states: SeatStates, count: number) =>
  Array.from({ length: count }, (_, index) => states.status(index + 1));

describe('packed states', () => {
  it('have seat 1 in the lowest bits', () => {
    // 0b11_10_01_00: available, held, sold, blocked.
    expect([...(unpack(btoa(String.fromCharCode(0b11100100)), 4, 4) ?? [])]).toEqual([
      3, 0, 1, 2, 3,
    ]);
  });

  it('are the same after packing, for every number of seats', () => {
    for (const count of [0, 1, 3, 4, 5, 9, 1000]) {
      const codes = Array.from({ length: count }, (_, index) => (index * 7) % 4);
      expect([...(unpack(packed(codes), count, count) ?? [])].slice(1)).toEqual(codes);
    }
  });

  it('leave blocked what they do not reach', () => {
    expect([...(unpack(packed([0, 0]), 2, 6) ?? [])].slice(1)).toEqual([0, 0, 3, 3, 3, 3]);
    expect([...(unpack(packed([0]), 6, 6) ?? [])].slice(1)).toEqual([0, 0, 0, 0, 3, 3]);
  });

  it('are nothing if they are not base64', () => {
    expect(unpack('%%%', 4, 4)).toBeUndefined();
  });
});

describe('states', () => {
  it('offer nothing before the first snapshot', () => {
    const states = new SeatStates(3);
    expect(all(states, 3)).toEqual(['blocked', 'blocked', 'blocked']);
    expect(states.counts).toEqual({ available: 0, held: 0, sold: 0, blocked: 3 });
  });

  it('are those of a snapshot, counts and areas included', () => {
    const states = new SeatStates(5);
    states.snapshot(snapshot([0, 1, 2, 3, 0]));
    expect(all(states, 5)).toEqual(['available', 'held', 'sold', 'blocked', 'available']);
    expect(states.counts).toEqual({ available: 2, held: 1, sold: 1, blocked: 1 });
    expect(states.areaAvailable(1)).toBe(5);
    expect(states.areaAvailable(2)).toBeUndefined();
    expect(states.position).toBe('e:1');
  });

  it('stay as they were if a snapshot cannot be read', () => {
    const states = new SeatStates(2);
    states.snapshot(snapshot([0, 1]));
    states.snapshot({ ...snapshot([2, 2], 'e:9'), states: '%' });
    expect(all(states, 2)).toEqual(['available', 'held']);
    expect(states.position).toBe('e:1');
  });

  it('follow deltas that continue', () => {
    const states = new SeatStates(4);
    states.snapshot(snapshot([0, 0, 1, 3]));
    const before = states.version;
    const change = { held: [1], sold: [3], available: [4], areas: [{ id: 1, available: 2 }] };
    expect(states.delta(delta('e:1', 'e:3', change))).toBe(true);
    expect(all(states, 4)).toEqual(['held', 'available', 'sold', 'available']);
    expect(states.position).toBe('e:3');
    expect(states.areaAvailable(1)).toBe(2);
    expect(states.version).toBeGreaterThan(before);
  });

  it.each([
    ['a gap', 'e:2'],
    ['the past', 'e:0'],
    ['another epoch', 'f:1'],
  ])('are untouched by a delta from %s', (_, from) => {
    const states = new SeatStates(2);
    states.snapshot(snapshot([0, 0]));
    const before = states.version;
    const change = { sold: [1], areas: [{ id: 1, available: 0 }] };
    expect(states.delta(delta(from, 'e:9', change))).toBe(false);
    expect(all(states, 2)).toEqual(['available', 'available']);
    expect(states.areaAvailable(1)).toBe(5);
    expect([states.position, states.version]).toEqual(['e:1', before]);
  });

  it('apply a delta once, however often it comes', () => {
    const states = new SeatStates(2);
    states.snapshot(snapshot([0, 0]));
    const frame = delta('e:1', 'e:2', { held: [1, 1] });
    expect([states.delta(frame), states.delta(frame)]).toEqual([true, false]);
    expect(states.counts).toEqual({ available: 1, held: 1, sold: 0, blocked: 0 });
  });

  it('pass over ids that there are not', () => {
    const states = new SeatStates(2);
    states.snapshot(snapshot([0, 0]));
    expect(states.delta(delta('e:1', 'e:2', { sold: [0, -1, 3, 99, 2] }))).toBe(true);
    expect(all(states, 2)).toEqual(['available', 'sold']);
    expect(states.counts).toEqual({ available: 1, held: 0, sold: 1, blocked: 0 });
  });

  it('add up after a thousand random changes, and equal a plain replay', () => {
    let seed = 42;
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648;
      return Math.floor((seed / 2147483648) * below);
    };
    const count = 50;
    const states = new SeatStates(count);
    states.snapshot(snapshot(new Array<number>(count).fill(0)));
    const plain = new Array<number>(count).fill(0);
    for (let step = 1; step <= 1000; step++) {
      const [id, code] = [1 + random(count), random(4)];
      plain[id - 1] = code;
      const change = { [statuses[code] ?? 'held']: [id] };
      expect(states.delta(delta(`e:${step}`, `e:${step + 1}`, change))).toBe(true);
    }
    expect(all(states, count)).toEqual(plain.map((code) => statuses[code]));
    const { available, held, sold, blocked } = states.counts;
    expect(available + held + sold + blocked).toBe(count);
    expect(held).toBe(plain.filter((code) => code === 1).length);
  });
});
