import { beforeEach, describe, expect, it } from 'vitest';

import { Problem, unanswered } from '$lib/api/problems';
import type { Ear } from '$lib/live/lines';

import { Following, limits } from './following';
import type { Place } from './queue';

const place = (status: string, ahead = 5): Place => ({
  ticket: 't',
  status,
  position: ahead + 1,
  ahead,
  eta_s: null,
  poll_after_ms: 3_000,
  odds: null,
  claim_until: null,
  at_door: false,
  missed: false,
  inside_until: null,
  return_line: false,
});

/** A network in the hands of the test. */
class Network {
  ears: (Ear & { closed: boolean })[] = [];
  asked = 0;
  answer: () => Place = () => place('waiting');
  isOnline = true;
  timers: { run: () => void; ms: number }[] = [];
  places: Place[] = [];
  mending: boolean[] = [];
  refused: string[] = [];

  readonly following = new Following(
    {
      openEvents: (ear) => {
        const line = { ...ear, closed: false };
        this.ears.push(line);
        return { close: () => (line.closed = true) };
      },
      ask: async () => {
        this.asked += 1;
        await Promise.resolve();
        return this.answer();
      },
      setTimer: (run, ms) => {
        const timer = { run, ms };
        this.timers.push(timer);
        return () => (this.timers = this.timers.filter((other) => other !== timer));
      },
      random: () => 0.5,
      online: () => this.isOnline,
    },
    {
      onplace: (heard) => this.places.push(heard),
      onrefused: ({ code }) => this.refused.push(code),
      onmending: (mending) => this.mending.push(mending),
    },
  );

  get ear() {
    const ear = this.ears.at(-1);
    if (!ear) throw new Error('no line was opened');
    return ear;
  }

  get pauses() {
    return this.timers.map(({ ms }) => ms);
  }

  async settle() {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }

  /** Lets the only timer that runs go off. */
  async pass() {
    const [timer, ...others] = this.timers.splice(0);
    expect(others).toEqual([]);
    timer?.run();
    await this.settle();
  }
}

let network: Network;

beforeEach(async () => {
  network = new Network();
  network.following.start();
  await network.settle();
});

describe('following a place', () => {
  it('asks, then listens', () => {
    expect(network.places.map(({ status }) => status)).toEqual(['waiting']);
    expect(network.ears).toHaveLength(1);
    network.ear.onopen();
    network.ear.onmessage(JSON.stringify(place('ready', 0)));
    network.ear.onmessage('not a place');
    network.ear.onmessage('{}');
    expect(network.places.map(({ status }) => status)).toEqual(['waiting', 'ready']);
    expect(network.pauses).toEqual([limits.silenceMs]);
  });

  it('takes a silent line for dead, asks, and listens again', async () => {
    network.ear.onopen();
    network.ear.onalive();
    await network.pass();
    expect(network.ears[0]?.closed).toBe(true);
    expect(network.pauses).toEqual([limits.firstPauseMs]);
    await network.pass();
    expect([network.asked, network.ears.length]).toEqual([2, 2]);
  });

  it('asks as often as the server says where lines say nothing, and tries a line now and then', async () => {
    for (let failure = 0; failure < limits.failuresUntilAsking; failure += 1) {
      network.ear.onclose();
      await network.pass();
    }
    const lines = network.ears.length;
    expect(network.pauses).toEqual([3_000]);
    while (network.asked < limits.asksUntilLine) await network.pass();
    expect(network.ears).toHaveLength(lines + 1);
  });

  it('tells of a break that lasts, later and later', async () => {
    network.answer = () => {
      throw unanswered(new Error('away'));
    };
    network.ear.onclose();
    const pauses: number[] = [];
    for (let attempt = 0; attempt < 7; attempt += 1) {
      pauses.push(...network.pauses);
      await network.pass();
    }
    expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
    expect(network.mending.at(-1)).toBe(true);
    network.answer = () => place('waiting', 2);
    await network.pass();
    expect(network.mending.at(-1)).toBe(false);
    expect(network.places.at(-1)?.ahead).toBe(2);
  });

  it('asks at once after a sleep, and not while the machine is offline', async () => {
    network.isOnline = false;
    network.following.look();
    expect([network.timers.length, network.mending.at(-1)]).toEqual([0, true]);
    network.isOnline = true;
    network.following.look();
    await network.settle();
    expect([network.asked, network.mending.at(-1)]).toEqual([2, false]);
  });

  it('ends when the server refuses, and when everything is sold', async () => {
    network.answer = () => {
      throw new Problem({ status: 403, code: 'ticket_invalid' });
    };
    network.ear.onclose();
    await network.pass();
    expect([network.refused, network.timers.length]).toEqual([['ticket_invalid'], 0]);

    const other = new Network();
    other.answer = () => place('sold_out');
    other.following.start();
    await other.settle();
    expect([other.ears.length, other.timers.length]).toEqual([0, 0]);
  });

  it('looks after a closed room now and then', async () => {
    network.ear.onmessage(JSON.stringify(place('closed')));
    network.ear.onclose();
    expect(network.pauses).toEqual([limits.closedPollMs]);
    await network.pass();
    expect(network.places.at(-1)?.status).toBe('waiting');
  });

  it('does nothing after it was stopped', async () => {
    const { ear } = network;
    network.following.stop();
    ear.onmessage(JSON.stringify(place('ready')));
    ear.onclose();
    await network.settle();
    expect([network.places.length, network.timers.length, ear.closed]).toEqual([1, 0, true]);
  });
});
