/** Pictures of the main pages, each as a buyer comes to it. */
import type { Page } from '@playwright/test';

import { call, guest, hold, logIn, perform } from '../support/api.ts';
import { SeatMap } from '../support/maps.ts';
import { plans } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';
import { type Take, nameOf, round, visitors } from './camera.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

/** From now on this share of payments is declined. */
const decline = (share: 0 | 1) =>
  own.server.restart({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: String(share) });

interface Scene {
  theatre: string;
  arena: string;
  event: string;
}
let scene: Scene;

test.beforeAll(async () => {
  const { server } = own;
  const small = await perform(server, {
    title: 'An evening of chamber music',
    description: 'Three quartets in the small hall. Doors open half an hour before.',
    areas: [{ label: 'Standing', capacity: 40, price: { amount: 20_000, currency: 'KRW' } }],
  });
  await perform(server, { title: 'New Year’s concert', rows: 12, columns: 20, opensIn: 60 * 24 });
  const theatre = await server.seed('--plan', plans.theatre, '--title', 'The cherry orchard');
  const arena = await server.seed('--plan', plans.arena, '--title', 'Arena, 10,000 seats');
  const token = await logIn(server);
  for (const [id, count] of [
    [theatre.performance_id, 582],
    [arena.performance_id, 10_000],
  ] as const) {
    const event = id === theatre.performance_id ? theatre.event_id : arena.event_id;
    const set = (settings: object) =>
      call(server, 'PATCH', `/events/${event}`, { token, body: { settings } });
    await set({ max_seats_per_buyer: 50, hold_ttl_s: 3600 });
    // A house in which others have been: some seats held, some sold, some not for sale.
    const left = new Set(Array.from({ length: count }, (_, at) => at + 1));
    const take = (from: number, step: number) => {
      const seats = Array.from({ length: 50 }, (_, at) => from + at * step);
      return seats.filter((seat) => left.delete(seat));
    };
    const body = { seat_ids: take(count - 8, 1), blocked: true };
    await call(server, 'POST', `/performances/${id}/blocks`, { token, body });
    await hold(server, await guest(server), id, take(3, Math.floor(count / 52)));
    const buyer = await guest(server);
    const held = await hold(server, buyer, id, take(Math.floor(count / 4), 3));
    await call(server, 'POST', `/reservations/${held.id}/confirm`, {
      token: buyer,
      key: held.id,
      body: { payment: { method: 'simulated' }, buyer: { name: 'Others' } },
    });
    await set({ max_seats_per_buyer: 4, hold_ttl_s: 300 });
  }
  scene = { theatre: theatre.performance_id, arena: arena.performance_id, event: small.event };
});

/** Picks the two free seats that are nearest to the middle of the map. */
async function pickInTheMiddle(page: Page): Promise<void> {
  const map = await SeatMap.of(page, own.server, scene.theatre);
  await map.canvas.evaluate((canvas) => canvas.scrollIntoView({ block: 'start' }));
  const box = await map.canvas.boundingBox();
  if (!box) throw new Error('the map is not there');
  const { seats } = await call<{ seats: { id: number }[] }>(
    own.server,
    'GET',
    `/performances/${scene.theatre}/seats?status=available`,
  );
  const places = await Promise.all(seats.map(({ id }) => map.at(id)));
  const away = ({ x, y }: { x: number; y: number }) =>
    Math.hypot(x - box.x - box.width / 2, y - box.y - box.height * 0.4);
  places.sort((one, other) => away(one) - away(other));
  for (const { x, y } of places.slice(0, 2)) await page.mouse.click(x, y);
  await page.mouse.move(0, 0);
}

/** Pages with the names that the documentation knows them by. */
async function walk(page: Page, turn: number, take: Take): Promise<void> {
  const { server } = own;
  const buyer = new Buyer(page, server);
  const settled = () => page.waitForLoadState('networkidle');
  await buyer.open();
  await expect(page.getByRole('article')).toHaveCount(4);
  await expect(page.locator('article[aria-busy=true]')).toHaveCount(0);
  await take('events');
  await buyer.open(`/events/${scene.event}`);
  await expect(page.getByRole('listitem').first()).toBeVisible();
  await take('event');
  await buyer.open(`/performances/${scene.arena}`);
  await expect(page.locator('canvas[data-ready]')).toBeVisible();
  await take('arena');
  await buyer.open(`/performances/${scene.theatre}`);
  await expect(page.locator('canvas[data-ready]')).toBeVisible();
  await take('theatre');
  await page.locator('.views button').nth(1).click();
  await page.locator('.list [aria-expanded=false]').first().click();
  // Another row in each turn: what was bought in the one before is gone.
  await page.locator('.list .rows [aria-expanded=false]').nth(turn).click();
  await page.locator('[data-state=available]').nth(0).click();
  await page.locator('[data-state=available]').nth(0).click();
  await take('list');
  await page.locator('.views button').nth(0).click();
  await expect(page.locator('canvas[data-ready]')).toBeVisible();
  for (let time = 0; time < 3; time += 1) await page.locator('.controls button').first().click();
  await pickInTheMiddle(page);
  await take('picked');
  await page.locator('.panel button.primary').click();
  await expect(page).toHaveURL(/#\/reservations\//);
  await page.locator('#name').fill('김민지 Kim Min-ji');
  await take('details');
  await decline(1);
  await page.locator('button[type=submit]').click();
  await expect(page.getByRole('alert')).toBeVisible();
  await page.mouse.move(0, 0);
  await take('declined');
  await decline(0);
  await page.locator('button[type=submit]').click();
  await expect(page).toHaveURL(/#\/orders\//);
  await expect(page.locator('#tickets')).toBeVisible();
  await settled();
  await take('tickets');
  await buyer.open('/orders');
  await expect(page.locator('article h2:not([aria-busy])').first()).toBeVisible();
  await take('orders');
  await buyer.open('/signup');
  await expect(page.locator('#password')).toBeVisible();
  await take('signup');
}

const inDocs = new Set([
  'events-desktop',
  'arena-desktop',
  'theatre-desktop',
  'picked-phone',
  'details-phone',
  'tickets-phone',
]);

// One after another: all of them are at the same server.
test.describe.configure({ mode: 'serial' });
for (const [turn, visitor] of visitors.entries()) {
  test(nameOf(visitor), async ({ browser }) => {
    await round(browser, visitor, inDocs, (page, take) => walk(page, turn, take));
  });
}
