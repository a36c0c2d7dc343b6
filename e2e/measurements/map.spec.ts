/**
 * The map of 20,000 seats while it is zoomed.
 *
 * The page's own code is what it can do something about: handling the wheel, what follows from it on the page, and
 * drawing. How long the picture then takes to the screen depends on the machine. Each step of the zoom is passed a dozen
 * times and its median counts, so that what else the machine does at times is not measured with it.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Page } from '@playwright/test';

import { plans } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve();

/** From the whole plan to the closest and back, in so many frames, so many times. */
const SWING = 120;
const SWINGS = 6;
/** For the page's own code, of the 16.7 that a frame has. */
const MOST_MS = 8;
const screens = {
  desktop: { viewport: { width: 1440, height: 900 }, slower: 1 },
  phone: { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, slower: 4 },
};

interface Plan {
  zones: { name: string; position: { x: number; y: number }; rows: Row[] }[];
  size: { width: number; height: number };
}
interface Row {
  uuid?: string;
  seats: { seat_guid: string; uuid?: string }[];
}

/** The arena twice, side by side. */
function twoArenas(file: string): void {
  const plan = JSON.parse(readFileSync(plans.arena, 'utf8')) as Plan;
  const other = (JSON.parse(JSON.stringify(plan)) as Plan).zones;
  for (const zone of other) {
    zone.name += ' bis';
    zone.position.x += plan.size.width;
    for (const row of zone.rows) {
      if (row.uuid) row.uuid += '-bis';
      for (const seat of row.seats) {
        seat.seat_guid += '-bis';
        if (seat.uuid) seat.uuid += '-bis';
      }
    }
  }
  plan.zones.push(...other);
  plan.size.width *= 2;
  writeFileSync(file, JSON.stringify(plan));
}

/** Zooms in and out about the middle; with `rastered`, waits for the picture in each frame and measures only that. */
function zoom(page: Page, rastered: boolean): Promise<{ code: number[]; gaps: number[] }> {
  return page.evaluate(
    async ([frames, swing, rastered]) => {
      const canvas = document.querySelector<HTMLCanvasElement>('canvas[data-ready]');
      if (!canvas) throw new Error('there is no map');
      const { x, y, width, height } = canvas.getBoundingClientRect();
      const at = { clientX: x + width / 2, clientY: y + height / 2 };
      const next = requestAnimationFrame.bind(globalThis);
      let drawing = 0;
      globalThis.requestAnimationFrame = (run) =>
        next((frame) => {
          const begun = performance.now();
          run(frame);
          drawing += performance.now() - begun;
        });
      const [code, gaps]: [number[], number[]] = [[], []];
      let last: number | undefined;
      for (let frame = 0; frame < frames; frame += 1) {
        const deltaY = frame % swing < swing / 2 ? -25 : 25;
        drawing = 0;
        const begun = performance.now();
        canvas.dispatchEvent(
          new WheelEvent('wheel', { deltaY, ...at, bubbles: true, cancelable: true }),
        );
        // What the page does about it follows in microtasks.
        for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
        const handling = performance.now() - begun;
        const now = await new Promise<number>((done) => next(done));
        if (rastered) {
          const flushed = performance.now();
          canvas.getContext('2d')?.getImageData(0, 0, 1, 1);
          code.push(performance.now() - flushed);
        } else {
          code.push(handling + drawing);
        }
        if (last !== undefined) gaps.push(now - last);
        last = now;
      }
      globalThis.requestAnimationFrame = next;
      return { code, gaps };
    },
    [SWING * SWINGS, SWING, rastered] as const,
  );
}

const part = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? NaN;
/** One value for each step of the zoom. */
function settled(values: readonly number[]): number[] {
  const steps = Array.from({ length: SWING / 2 }, (): number[] => []);
  for (const [frame, value] of values.entries()) {
    const at = frame % SWING;
    steps[Math.min(at, SWING - 1 - at)]?.push(value);
  }
  return steps.map((passes) => part(passes, 0.5));
}
const figures = (values: readonly number[]) =>
  [0.5, 0.95, 1].map((share) => part(values, share).toFixed(1).padStart(6)).join(' ');

for (const [plan, seed] of Object.entries({
  'one section': () => own.server.seed('--rows', '100', '--columns', '200'),
  'many sections': async () => {
    const folder = mkdtempSync(join(tmpdir(), 'onsale-plan-'));
    const file = join(folder, 'arenas.json');
    twoArenas(file);
    const seeded = await own.server.seed('--plan', file);
    rmSync(folder, { recursive: true });
    return seeded;
  },
})) {
  test(`20,000 seats in ${plan}`, async ({ browser }) => {
    const { performance_id } = await seed();
    for (const [screen, { slower, ...options }] of Object.entries(screens)) {
      const context = await browser.newContext({ ...options, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await new Buyer(page, own.server).open(`/performances/${performance_id}`);
      await expect(page.locator('canvas[data-ready]')).toBeVisible();
      await page.waitForLoadState('networkidle');
      const client = await context.newCDPSession(page);
      await client.send('Emulation.setCPUThrottlingRate', { rate: slower });
      const { code, gaps } = await zoom(page, false);
      const { code: raster } = await zoom(page, true);
      const name = `${plan}, ${screen}`.padEnd(24);
      console.log(`${name} ms           p50    p95    max`);
      console.log(`${name} own code  ${figures(settled(code))}`);
      console.log(`${name} each pass ${figures(code)}`);
      console.log(`${name} raster    ${figures(settled(raster))}`);
      console.log(`${name} gaps      ${figures(gaps)}`);
      if (screen === 'desktop') expect(part(settled(code), 0.95)).toBeLessThanOrEqual(MOST_MS);
      await context.close();
    }
  });
}
