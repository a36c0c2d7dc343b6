/** The waiting room in the browser: places, turns, passes, and what is said when there is nothing left. */
import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, Page } from '@playwright/test';

import { call, crowd, logIn, perform, stats } from '../support/api.ts';
import type { Server } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.describe.configure({ timeout: 60_000 });

interface Room {
  event: string;
  performance: string;
  control(patch: Record<string, unknown>): Promise<void>;
}

/** An event with a waiting room, in which nobody is called until it is said. */
async function openRoom(
  server: Server,
  title: string,
  settings: Record<string, unknown> = {},
  isPaused = true,
): Promise<Room> {
  const waiting_room = { mode: 'on', ...settings };
  const made = await perform(server, { title, settings: { waiting_room } });
  const token = await logIn(server);
  const control = async (body: Record<string, unknown>) => {
    await call(server, 'PATCH', `/events/${made.event}/queue/control`, { token, body });
  };
  if (isPaused) await control({ paused: true });
  return { ...made, control };
}

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

async function expectPlace(page: Page, position: number, ahead: string): Promise<void> {
  await expect(page.locator('[data-status=waiting]')).toBeVisible();
  await expect(page.locator('dt:text-is("Your place") + dd')).toHaveText(String(position));
  await expect(page.locator('dt:text-is("Ahead of you") + dd')).toHaveText(ahead);
}

async function expectSound(page: Page, state: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
    const { violations, passes } = await new AxeBuilder({ page }).analyze();
    const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    expect.soft(found, `${state}, ${colorScheme}`).toEqual([]);
    expect(passes.length, 'axe has looked at something').toBeGreaterThan(5);
  }
}

async function phone(context: BrowserContext): Promise<Page> {
  const page = await context.newPage();
  await page.setViewportSize({ width: 360, height: 740 });
  return page;
}

test('a place: joined from the event, the same after a reload and in a second tab, given up', async ({
  page,
  context,
}) => {
  const { server } = own;
  const room = await openRoom(server, 'Places');
  await crowd(server, room.event, 3);
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}`);
  await page.getByRole('link', { name: /^To the waiting room/ }).click();
  await expect(page).toHaveURL(new RegExp(`/events/${room.event}/queue/${room.performance}$`));
  await expectPlace(page, 4, '3 people');
  await expect(page.getByRole('status').filter({ hasText: '3 people ahead of you' })).toHaveCount(
    1,
  );
  await expectSound(page, 'waiting');

  await page.reload();
  await expectPlace(page, 4, '3 people');
  const other = await phone(context);
  await other.goto(page.url());
  await expectPlace(other, 4, '3 people');
  const width = await other.evaluate(() => document.documentElement.scrollWidth);
  expect(width, 'nothing sticks out at the side').toBeLessThanOrEqual(360);

  // By keyboard alone; the safe answer has the focus.
  const leave = page.getByRole('button', { name: 'Leave the line' });
  await leave.focus();
  await page.keyboard.press('Enter');
  const stay = page.getByRole('button', { name: 'Stay in the line' });
  await expect(stay).toBeFocused();
  await expectSound(page, 'the question before leaving');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await leave.focus();
  await page.keyboard.press('Enter');
  await expect(stay).toBeFocused();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'You have left the line' })).toBeVisible();
  await expect(other.getByRole('heading', { name: 'You have no place any more' })).toBeVisible();
  await expectSound(page, 'left');
  await page.getByRole('button', { name: 'Join again' }).click();
  await expectPlace(page, 5, '3 people');
});

test('a turn: called, let in, and the pass buys without being seen', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'Turns');
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}/queue/${room.performance}`);
  await expectPlace(page, 1, 'Nobody');
  await room.control({ paused: false });
  const enter = page.getByRole('button', { name: 'Go in', exact: true });
  await expect(enter).toBeVisible();
  await expect(page).toHaveTitle(/^It is your turn!/);
  await expect(page.getByRole('timer')).toHaveText(/^\d:\d\d$/);
  await expectSound(page, 'ready');
  await enter.focus();
  await page.keyboard.press('Enter');

  await expect(page).toHaveURL(new RegExp(`#/performances/${room.performance}$`));
  await page.getByRole('button', { name: 'List', exact: true }).click();
  const sent = page.waitForRequest((request) => request.url().endsWith('/reservations'));
  await buyer.hold(1);
  expect((await sent).headers()['queue-pass']).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(1);
  expect(await stats(server, room.performance)).toMatchObject({ sold: 1, drift: 0 });
});

test('without a pass one is sent to the waiting room and told why', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'No pass');
  const buyer = new Buyer(page, server);
  await buyer.openList(room.performance);
  await expect(page.getByText('go through the waiting room first')).toBeVisible();
  await expectSound(page, 'seats without a pass');
  await buyer.seat(1).click();
  await page.getByRole('button', { name: 'Hold 1 seat', exact: true }).click();
  await expect(page).toHaveURL(/\?because=pass_required$/);
  await expect(page.getByText('you have not been let in yet')).toBeVisible();
  await expectPlace(page, 1, 'Nobody');
});

test('a pass that is used up leads back, and the next place is at the end', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'Used', {}, false);
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}/queue/${room.performance}`);
  await page.getByRole('button', { name: 'Go in', exact: true }).click();
  await expect(page).toHaveURL(/#\/performances\//);
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await expect(buyer.seat(1)).toBeVisible();
  // The same buyer completes a purchase elsewhere.
  const stored = await page.evaluate(
    (event) => localStorage.getItem(`onsale.queue.${event}`),
    room.event,
  );
  const { ticket } = JSON.parse(stored ?? '{}') as { ticket: string };
  await fetch(`${server.url}/api/v1/events/${room.event}/queue`, {
    method: 'DELETE',
    headers: { 'queue-ticket': ticket },
  });
  // Whoever is called at once is told that, and not why they are back.
  await room.control({ paused: true });
  await crowd(server, room.event, 2);
  await buyer.seat(1).click();
  await page.getByRole('button', { name: 'Hold 1 seat', exact: true }).click();
  await expect(page).toHaveURL(/\?because=pass_used$/);
  await expect(page.getByText('Your admission has been used.')).toBeVisible();
  await expectPlace(page, 4, '2 people');
});

test('a turn that is missed', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'Missed', { claim_within_s: 5, max_inside: 1 }, false);
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}/queue/${room.performance}`);
  await expect(page.getByRole('heading', { name: 'It is your turn!' }).last()).toBeVisible();
  await expect(page.getByRole('heading', { name: 'Your turn has passed' })).toBeVisible({
    timeout: 15_000,
  });
  await expectSound(page, 'missed');
  await page.getByRole('button', { name: 'Try to go in' }).click();
  await expect(page).toHaveURL(/#\/performances\//);
});

test('the end: closed and open again, and sold out', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'Ends');
  await crowd(server, room.event, 1);
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}/queue`);
  await expectPlace(page, 2, '1 person');
  await room.control({ closed: true });
  await expect(page.getByRole('heading', { name: 'The waiting room is closed' })).toBeVisible();
  await expectSound(page, 'closed');
  await room.control({ closed: false });
  await page.reload();
  await expectPlace(page, 2, '1 person');

  const token = await logIn(server);
  const body = { seat_ids: [1, 2, 3, 4, 5, 6, 7, 8, 9], blocked: true };
  await call(server, 'POST', `/performances/${room.performance}/blocks`, { token, body });
  await room.control({ paused: false });
  await expect(page.getByRole('heading', { name: 'Sold out' })).toBeVisible();
  await expect(page.getByText('Everything was sold before your turn came.')).toBeVisible();
  await expectSound(page, 'sold out');
  await page.reload();
  await expect(page.getByRole('heading', { name: 'Sold out' })).toBeVisible();
});

test('a connection that is lost is said and mended', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'Mending');
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}/queue`);
  await expectPlace(page, 1, 'Nobody');
  await server.pause();
  const lost = page.getByText('Connection lost.').first();
  await expect(lost).toBeVisible({ timeout: 15_000 });
  await expectSound(page, 'mending');
  await server.restart();
  await expect(lost).toBeHidden({ timeout: 20_000 });
  await expectPlace(page, 1, 'Nobody');
});

test('work is done beside the page', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'Work', { proof_of_work_bits: 14 });
  const buyer = new Buyer(page, server);
  const worker = page.waitForEvent('worker');
  await buyer.open(`/events/${room.event}/queue`);
  await worker;
  await expectPlace(page, 1, 'Nobody');
});

test('the lobby, and the draw that can be checked', async ({ page }) => {
  const { server } = own;
  const room = await openRoom(server, 'Lobby', { opens_at: inMinutes(30) });
  await crowd(server, room.event, 4);
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}/queue`);
  await expect(page.getByRole('heading', { name: 'You are in' })).toBeVisible();
  await expect(page.getByRole('timer')).toHaveText(/^(29|30):\d\d$/);
  await expectSound(page, 'lobby');
  await page.getByRole('link', { name: /How the order is drawn/ }).click();
  await expect(page.getByText('Not drawn yet.')).toBeVisible();
  await expectSound(page, 'before the draw');

  // Everybody is in; the room opens.
  const waiting_room = { mode: 'on', opens_at: new Date(Date.now() + 1_000).toISOString() };
  const token = await logIn(server);
  await call(server, 'PATCH', `/events/${room.event}`, {
    token,
    body: { settings: { waiting_room } },
  });
  await buyer.open(`/events/${room.event}/queue`);
  await expect(page.locator('[data-status=waiting]')).toBeVisible({ timeout: 15_000 });
  await page.getByRole('link', { name: /How the order is drawn/ }).click();
  await page.getByRole('button', { name: 'Check it here' }).click();
  await expect(page.getByText(/^All is right: number 5 of the list drew place \d/)).toBeVisible();
  await expectSound(page, 'after the draw');
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Download the receipt' }).click();
  const file = await (await download).path();
  expect(await server.run(['verify', 'draw', file])).not.toBe('');
});
