/** A phone of 360 pixels' width: the map under a finger. */
import type { Page } from '@playwright/test';

import { perform } from '../support/api.ts';
import { Fingers } from '../support/fingers.ts';
import { SeatMap } from '../support/maps.ts';
import { plans } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.use({
  viewport: { width: 360, height: 740 },
  deviceScaleFactor: 2,
  hasTouch: true,
  isMobile: true,
});

const TARGET_PX = 44;
/** A target may be rounded down to whole device pixels. */
const LEAST_PX = TARGET_PX - 0.5;

/** Everything that can be touched is large enough, and nothing sticks out at the side. */
async function expectUsable(page: Page): Promise<void> {
  const small = await page.evaluate((least) => {
    const found: string[] = [];
    const touchable = 'button, select, input, a[href]';
    for (const element of document.querySelectorAll<HTMLElement>(touchable)) {
      if (!element.checkVisibility({ visibilityProperty: true }) || element.matches('.skip'))
        continue;
      // A link within a sentence is as high as its line (WCAG 2.5.8); a control is also touched by its label.
      if (element.matches('p > a:not(.button)')) continue;
      // A link may stretch over the card that it is in.
      const over = getComputedStyle(element, '::after');
      const stretched = over.content !== 'none' && over.position === 'absolute';
      const touched = (stretched && element.offsetParent) || (element.closest('label') ?? element);
      const { width, height } = touched.getBoundingClientRect();
      if (width < least || height < least) {
        const name = element.ariaLabel || element.innerText || element.outerHTML.slice(0, 80);
        found.push(`${name.trim()}: ${width.toFixed(0)} × ${height.toFixed(0)}`);
      }
    }
    return found;
  }, LEAST_PX);
  expect(small, 'targets that are too small').toEqual([]);
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(width, 'nothing sticks out at the side').toBeLessThanOrEqual(360);
}

test('a small house: seats are large enough at once, and can be bought', async ({ page }) => {
  const { server } = own;
  const { event, performance } = await perform(server, {
    title: 'Nine seats',
    areas: [{ label: 'Standing', capacity: 20, price: { amount: 30_000, currency: 'KRW' } }],
  });
  const buyer = new Buyer(page, server);
  await buyer.open();
  await expect(page.getByRole('link', { name: /Nine seats/ })).toBeVisible();
  await expectUsable(page);
  await buyer.open(`/events/${event}`);
  await page.getByRole('link', { name: /Choose seats/ }).tap();
  const map = await SeatMap.of(page, server, performance);
  await map.canvas.scrollIntoViewIfNeeded();
  await map.expectSpacing(LEAST_PX);
  await expectUsable(page);
  for (const id of [5, 6]) {
    const { x, y } = await map.at(id);
    await page.touchscreen.tap(x, y);
  }
  const hold = page.getByRole('button', { name: 'Hold 2 seats', exact: true });
  await expect(hold).toBeInViewport();
  await expect(page.getByRole('button', { name: 'Remove B-2' })).toBeVisible();
  await expectUsable(page);
  await page.getByRole('button', { name: 'List', exact: true }).tap();
  await buyer.expectSeat(5, 'picked');
  await expectUsable(page);
  await hold.tap();
  await buyer.expectDetails();
  await expectUsable(page);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.tap();
  await buyer.expectTickets(2);
  await expectUsable(page);
});

test('a theatre: the first touch comes closer, the second picks', async ({ page }) => {
  const { server } = own;
  const { performance_id } = await server.seed('--plan', plans.theatre, '--title', 'Theatre');
  const buyer = new Buyer(page, server);
  await buyer.open(`/performances/${performance_id}`);
  const map = await SeatMap.of(page, server, performance_id);
  await map.canvas.scrollIntoViewIfNeeded();
  const whole = await map.spacing();
  expect(whole, 'the whole plan is too small for a finger').toBeLessThan(LEAST_PX);
  await expectUsable(page);
  const id = [...map.seats.keys()][Math.floor(map.seats.size / 3)] ?? 1;
  const picked = page.getByText('No seats picked');

  const far = await map.at(id);
  await page.touchscreen.tap(far.x, far.y);
  await expect.poll(() => map.spacing()).toBeGreaterThan(whole);
  await expect(picked, 'nothing is guessed').toBeVisible();
  const near = await map.at(id);
  await page.touchscreen.tap(near.x, near.y);
  await expect(page.getByRole('button', { name: 'Hold 1 seat', exact: true })).toBeVisible();
  // Once more, and it is let go.
  const again = await map.at(id);
  await page.touchscreen.tap(again.x, again.y);
  await expect(picked).toBeVisible();
  await page.getByRole('button', { name: 'The whole plan' }).tap();
  await expect.poll(() => map.spacing()).toBeCloseTo(whole, 0);
  await expectUsable(page);
});

test('a theatre: after the first touch every seat is large enough', async ({ page }) => {
  const { server } = own;
  const { performance_id } = await server.seed('--plan', plans.theatre, '--title', 'Theatre');
  const buyer = new Buyer(page, server);
  await buyer.open(`/performances/${performance_id}`);
  const map = await SeatMap.of(page, server, performance_id);
  await map.canvas.scrollIntoViewIfNeeded();
  const whole = await map.spacing();
  const { x, y } = await map.at([...map.seats.keys()][Math.floor(map.seats.size / 3)] ?? 1);
  await page.touchscreen.tap(x, y);
  await expect.poll(() => map.spacing()).toBeGreaterThan(whole);
  expect(await map.spacing()).toBeGreaterThanOrEqual(LEAST_PX);
});

/** Where the page is scrolled to when it does not go on by itself any more. */
const rested = (page: Page) =>
  page.evaluate(async () => {
    for (let [before, same] = [scrollY, 0]; same < 10; before = scrollY) {
      await new Promise((done) => requestAnimationFrame(done));
      same = scrollY === before ? same + 1 : 0;
    }
    return scrollY;
  });

test('two fingers zoom about their middle and pick nothing; one moves the map, or the page', async ({
  page,
}) => {
  const { server } = own;
  const { performance_id } = await server.seed('--plan', plans.theatre, '--title', 'Theatre');
  const buyer = new Buyer(page, server);
  await buyer.open(`/performances/${performance_id}`);
  const map = await SeatMap.of(page, server, performance_id);
  await map.canvas.evaluate((canvas) => canvas.scrollIntoView({ block: 'center' }));
  const fingers = await Fingers.on(page);
  const scrolled = () => page.evaluate(() => scrollY);
  const transform = () => map.canvas.getAttribute('data-transform');
  const whole = await map.spacing();
  const box = await map.canvas.boundingBox();
  if (!box) throw new Error('the map is not there');
  const id = [...map.seats.keys()][Math.floor(map.seats.size / 3)] ?? 1;

  // Whole, there is nothing to move: a finger that goes up scrolls the page.
  const [above, view] = [await scrolled(), await transform()];
  const start = { x: box.x + box.width / 2, y: box.y + 60 };
  await fingers.move([
    { x: start.x, y: start.y + 80 },
    { x: start.x, y: start.y },
  ]);
  await expect.poll(scrolled).toBeGreaterThan(above);
  expect(await transform()).toBe(view);

  // Apart: what is in the middle of the fingers stays there, on the map, and the page stays where it is.
  const settled = await rested(page);
  const middle = await map.at(id);
  const beside = (by: number) => ({ x: middle.x + by, y: middle.y + by / 2 });
  await fingers.move([beside(-24), beside(-96)], [beside(24), beside(96)]);
  await expect.poll(() => map.spacing()).toBeGreaterThan(3.5 * whole);
  expect(await map.spacing()).toBeLessThan(4.5 * whole);
  const after = await map.at(id);
  expect(Math.hypot(after.x - middle.x, after.y - middle.y)).toBeLessThan(6);
  expect(await scrolled()).toBe(settled);
  expect(await page.evaluate(() => visualViewport?.scale), 'the page is not zoomed').toBe(1);
  await expect(page.getByText('No seats picked')).toBeVisible();

  // Closer, one finger moves the map.
  await fingers.move([
    { x: middle.x, y: middle.y },
    { x: middle.x - 40, y: middle.y + 30 },
  ]);
  await expect.poll(async () => (await map.at(id)).x).toBeCloseTo(after.x - 40, -1);
  expect((await map.at(id)).y).toBeGreaterThan(after.y + 15);
  expect(await scrolled()).toBe(settled);
  await expect(page.getByText('No seats picked')).toBeVisible();

  // Together again, and the plan is whole.
  const now = await map.canvas.boundingBox();
  if (!now) throw new Error('the map is not there');
  const across = (by: number) => ({ x: now.x + now.width / 2 + by, y: now.y + now.height / 2 });
  await fingers.move([across(-110), across(-12)], [across(110), across(12)]);
  await expect.poll(() => map.spacing()).toBeLessThan(1.05 * whole);
});
