import { describe, expect, it } from 'vitest';

import { Problem } from '$lib/api/problems';

import { Follower } from './follower';

/** A server and a clock in the hands of the test. */
class Scene {
  nowMs = 0;
  isVisible = true;
  timers: { run: () => void; at: number }[] = [];
  open: {
    resolve: (answer: number) => void;
    reject: (error: unknown) => void;
    signal: AbortSignal;
  }[] = [];
  asked = 0;
  answers: number[] = [];
  problems: [string, boolean][] = [];

  readonly follower = new Follower<number>(
    (signal) =>
      new Promise((resolve, reject) => {
        this.asked += 1;
        this.open.push({ resolve, reject, signal });
      }),
    { everyMs: 1_000, atLeastMs: 200, timeoutMs: 5_000, longestPauseMs: 8_000 },
    {
      onanswer: (answer) => this.answers.push(answer),
      onproblem: ({ code }, over) => this.problems.push([code, over]),
    },
    {
      setTimer: (run, ms) => {
        const timer = { run, at: this.nowMs + ms };
        this.timers.push(timer);
        return () => (this.timers = this.timers.filter((other) => other !== timer));
      },
      now: () => this.nowMs,
      random: () => 0.5,
      visible: () => this.isVisible,
    },
  );

  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }

  async pass(ms: number): Promise<void> {
    const until = this.nowMs + ms;
    for (;;) {
      const next = this.timers.filter(({ at }) => at <= until).toSorted((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.nowMs = next.at;
      this.timers = this.timers.filter((timer) => timer !== next);
      next.run();
      await this.settle();
    }
    this.nowMs = until;
  }

  async answer(value = 1): Promise<void> {
    this.open.shift()?.resolve(value);
    await this.settle();
  }

  async fail(error: unknown): Promise<void> {
    this.open.shift()?.reject(error);
    await this.settle();
  }
}

const busy = new Problem({ status: 503, code: 'unavailable' });

describe('a follower', () => {
  it('asks once a second, counted from the question', async () => {
    const scene = new Scene();
    scene.follower.start();
    await scene.pass(300);
    await scene.answer();
    await scene.pass(699);
    expect(scene.asked).toBe(1);
    await scene.pass(1);
    expect(scene.asked).toBe(2);
  });

  it('never asks twice at once, and gives a slow server a moment', async () => {
    const scene = new Scene();
    scene.follower.start();
    await scene.pass(3_000);
    scene.follower.soon();
    scene.follower.look();
    expect(scene.asked).toBe(1);
    await scene.answer();
    expect(scene.asked).toBe(1);
    await scene.pass(200);
    expect(scene.asked).toBe(2);
  });

  it('gives up on a request after its time, and drops what comes after all', async () => {
    const scene = new Scene();
    scene.follower.start();
    await scene.pass(5_000);
    expect(scene.problems).toEqual([['network', false]]);
    expect(scene.open[0]?.signal.aborted).toBe(true);
    await scene.answer();
    expect(scene.answers).toEqual([]);
    await scene.pass(1_000);
    expect(scene.asked).toBe(2);
  });

  it('waits longer after each failure, up to a bound, and not after an answer', async () => {
    const scene = new Scene();
    scene.follower.start();
    for (const pause of [1_000, 2_000, 4_000, 8_000, 8_000]) {
      const before = scene.asked;
      await scene.fail(busy);
      await scene.pass(pause - 1);
      expect(scene.asked).toBe(before);
      await scene.pass(1);
      expect(scene.asked).toBe(before + 1);
    }
    await scene.answer();
    await scene.pass(1_000);
    expect(scene.asked).toBe(7);
  });

  it('waits as long as the server asks', async () => {
    const scene = new Scene();
    scene.follower.start();
    await scene.fail(new Problem({ status: 429, code: 'rate_limited', retry_after_ms: 5_000 }));
    await scene.pass(4_999);
    expect(scene.asked).toBe(1);
    await scene.pass(1);
    expect(scene.asked).toBe(2);
  });

  it('ends at what is refused for good, and begins again when told', async () => {
    const scene = new Scene();
    scene.follower.start();
    await scene.fail(new Problem({ status: 403, code: 'forbidden' }));
    expect(scene.problems).toEqual([['forbidden', true]]);
    await scene.pass(60_000);
    expect(scene.asked).toBe(1);
    scene.follower.start();
    expect(scene.asked).toBe(2);
  });

  it('rests while nobody looks and asks at once when somebody does', async () => {
    const scene = new Scene();
    scene.follower.start();
    await scene.answer();
    scene.isVisible = false;
    scene.follower.look();
    await scene.pass(60_000);
    expect(scene.asked).toBe(1);
    scene.isVisible = true;
    scene.follower.look();
    expect(scene.asked).toBe(2);
  });

  it('takes the answer that was under way when somebody looked away, and rests then', async () => {
    const scene = new Scene();
    scene.follower.start();
    scene.isVisible = false;
    scene.follower.look();
    await scene.answer(5);
    expect(scene.answers).toEqual([5]);
    await scene.pass(60_000);
    expect(scene.asked).toBe(1);
  });

  it('asks nothing and says nothing after it was stopped', async () => {
    const scene = new Scene();
    scene.follower.start();
    scene.follower.stop();
    expect(scene.open[0]?.signal.aborted).toBe(true);
    await scene.answer();
    await scene.pass(60_000);
    expect([scene.asked, scene.answers, scene.problems]).toEqual([1, [], []]);
  });
});
