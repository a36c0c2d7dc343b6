/**
 * Measures how long the seat map takes to draw a frame while it is zoomed: `node measure-map.mjs URL`, the URL being
 * that of a performance's page. Prints the work of the page's own code and the time between frames, in milliseconds.
 */
import { chromium } from '@playwright/test';

const [url] = process.argv.slice(2);
if (!url) throw new Error('usage: node measure-map.mjs URL-of-a-performance');

const FRAMES = 240;
const screens = [
  { name: 'desktop', viewport: { width: 1440, height: 900 } },
  { name: 'phone', viewport: { width: 360, height: 740 }, deviceScaleFactor: 2 },
];

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
});
for (const { name, ...screen } of screens) {
  const page = await (await browser.newContext(screen)).newPage();
  await page.addInitScript(() => {
    const next = globalThis.requestAnimationFrame.bind(globalThis);
    globalThis.work = new Map();
    globalThis.requestAnimationFrame = (run) =>
      next((frame) => {
        const begun = performance.now();
        run(frame);
        globalThis.work.set(frame, (globalThis.work.get(frame) ?? 0) + performance.now() - begun);
      });
  });
  await page.goto(url);
  await page.waitForSelector('canvas[data-ready]');
  await page.waitForTimeout(500);
  const { work, gaps } = await page.evaluate(async (frames) => {
    const canvas = document.querySelector('canvas[data-ready]');
    const { x, y, width, height } = canvas.getBoundingClientRect();
    globalThis.work.clear();
    const gaps = [];
    let last;
    for (let frame = 0; frame < frames; frame++) {
      const deltaY = frame % 60 < 30 ? -25 : 25;
      const at = { clientX: x + width / 2, clientY: y + height / 2 };
      canvas.dispatchEvent(new WheelEvent('wheel', { deltaY, ...at, bubbles: true, cancelable: true }));
      const now = await new Promise((done) => requestAnimationFrame(done));
      if (last !== undefined) gaps.push(now - last);
      last = now;
    }
    return { work: [...globalThis.work.values()], gaps };
  }, FRAMES);
  const share = (values, part) =>
    values.sort((a, b) => a - b)[Math.floor((values.length - 1) * part)].toFixed(1);
  for (const [what, values] of Object.entries({ work, gaps })) {
    console.log(`${name} ${what}: p50 ${share(values, 0.5)} p95 ${share(values, 0.95)} max ${share(values, 1)}`);
  }
}
await browser.close();
