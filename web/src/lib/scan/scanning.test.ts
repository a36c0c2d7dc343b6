import { describe, expect, it } from 'vitest';

import { Problem } from '$lib/api/problems';

import type { CheckedIn } from './check-ins';
import { type Door, Scanning, plainCode } from './scanning.svelte';

const CODE = '7H2KQ9ZC4M0XW8RT';

function entered(code: string): CheckedIn {
  return {
    code,
    order_id: 'order',
    performance_id: 'show',
    event_title: 'A show',
    starts_at: '2026-11-21T10:00:00Z',
    seat_id: 1,
    label: 'A-1',
    buyer_name: 'Kim',
    checked_in_at: '2026-11-21T09:30:00Z',
  };
}

/** A door at which each ticket lets in once. */
function door() {
  const used = new Set<string>();
  const asked: [string, string | undefined][] = [];
  const clock = { now: 0 };
  const calls: Door = {
    now: () => clock.now,
    checkIn: (code, performance) => {
      asked.push([code, performance]);
      if (used.has(code)) {
        return Promise.reject(new Problem({ status: 409, code: 'already_used' }));
      }
      used.add(code);
      return Promise.resolve(entered(code));
    },
    undoCheckIn: (code) => {
      used.delete(code);
      return Promise.resolve();
    },
    attendance: () => Promise.resolve({ sold: 5, checked_in: used.size }),
  };
  return { asked, clock, scanning: new Scanning(calls) };
}

describe('scanning', () => {
  it('reads codes as they are typed', () => {
    expect(plainCode(' 7h2k-q9zc 4m0x-w8rt\n')).toBe(CODE);
  });

  it('lets in once and counts', async () => {
    const { scanning } = door();
    await scanning.scan('7h2k q9zc 4m0x w8rt');
    expect(scanning.latest?.entered?.label).toBe('A-1');
    expect(scanning.counts).toEqual({ sold: 5, checked_in: 1 });
    await scanning.scan(CODE);
    expect(scanning.latest?.problem?.code).toBe('already_used');
    expect(scanning.scans.length).toBe(2);
  });

  it('does not take a camera that lingers for a second visitor', async () => {
    const { asked, clock, scanning } = door();
    for (clock.now = 0; clock.now < 20_000; clock.now += 200) await scanning.see(CODE);
    expect(asked.length).toBe(1);
    clock.now += 4_000;
    await scanning.see(CODE);
    expect(scanning.latest?.problem?.code).toBe('already_used');
  });

  it('sends one code at a time', async () => {
    const { asked, scanning } = door();
    await Promise.all([scanning.scan(CODE), scanning.scan(CODE), scanning.see('OTHER')]);
    expect(asked).toEqual([[CODE, undefined]]);
  });

  it('remembers the last ten', async () => {
    const { scanning } = door();
    for (let n = 0; n < 15; n += 1) await scanning.scan(`CODE${n}`);
    expect(scanning.scans.map((scan) => scan.code)[0]).toBe('CODE14');
    expect(scanning.scans.length).toBe(10);
  });

  it('takes back what was a mistake, and lets in again', async () => {
    const { scanning } = door();
    await scanning.scan(CODE);
    const [scan] = scanning.scans;
    if (scan) await scanning.undo(scan);
    expect(scanning.scans[0]?.undone).toBe(true);
    expect(scanning.counts?.checked_in).toBe(0);
    await scanning.see(CODE);
    expect(scanning.latest?.entered?.code).toBe(CODE);
  });

  it('asks for the chosen performance', async () => {
    const { asked, scanning } = door();
    scanning.only = 'show';
    await scanning.scan(CODE);
    expect(asked).toEqual([[CODE, 'show']]);
  });
});
