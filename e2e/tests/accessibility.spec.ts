/** Every page in every state, light and dark, under axe. */
import type { Page } from '@playwright/test';

import { call, guest, hold, perform } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { atTheDoor, bought } from '../support/doors.ts';
import { SeatMap } from '../support/maps.ts';
import { plans } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const declining = { ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '1' };
const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.describe.configure({ timeout: 90_000 });

async function expectHeading(page: Page, text: string | RegExp): Promise<void> {
  await expect(page.getByRole('heading', { level: 1 })).toHaveText(text);
}

test('events: none yet, loading, failed, some; an event; nothing there', async ({ page }) => {
  const { server } = own;
  const buyer = new Buyer(page, server);
  await page.route('**/api/v1/events?*', (route) =>
    route.fulfill({ json: { items: [], next_cursor: null } }),
  );
  await buyer.open();
  await expect(page.getByText('Nothing is on sale yet')).toBeVisible();
  await expectNoViolation(page, 'no events');
  await page.unrouteAll();

  await page.route('**/api/v1/events?*', (route) =>
    route.fulfill({
      status: 500,
      contentType: 'application/problem+json',
      body: JSON.stringify({ title: 'Broken', status: 500, code: 'internal', request_id: 'r-1' }),
    }),
  );
  await page.reload();
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
  await expectNoViolation(page, 'events failed');
  await page.unrouteAll();

  await perform(server, { title: 'Later', description: 'Not on sale yet', opensIn: 60 });
  const settings = { buyer_identity: 'account' };
  const { event } = await perform(server, { title: 'Accounts only', settings });
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('link', { name: 'Later' })).toBeVisible();
  await expect(page.getByText('9 available').first()).toBeVisible();
  await expectNoViolation(page, 'events');
  await page.getByRole('button', { name: 'Language and appearance' }).click();
  await expectNoViolation(page, 'settings open');
  await page.getByLabel('Language', { exact: true }).selectOption('ko');
  await expect(page.locator('html')).toHaveAttribute('lang', 'ko');
  await expectNoViolation(page, 'events in Korean');
  await page.locator('header select').first().selectOption('en');

  await buyer.open(`/events/${event}`);
  await expectHeading(page, 'Accounts only');
  await expectNoViolation(page, 'event');
  await buyer.open('/events/00000000-0000-7000-8000-000000000000');
  await expect(page.getByRole('alert')).toBeVisible();
  await expectNoViolation(page, 'no such event');
  await buyer.open('/nowhere');
  await expectHeading(page, 'There is nothing here');
  await expectNoViolation(page, 'no such page');
});

test('seats: map, list, picked, refused, lost, areas, theatre, not on sale', async ({ page }) => {
  const { server } = own;
  const settings = { max_seats_per_buyer: 2 };
  const areas = [{ label: 'Standing', capacity: 20, price: { amount: 0, currency: 'KRW' } }];
  const { performance } = await perform(server, { title: 'Seats', settings, areas });
  await hold(server, await guest(server), performance, [1]);
  const buyer = new Buyer(page, server);
  await buyer.open(`/performances/${performance}`);
  await expect(page.locator('canvas[data-ready]')).toBeVisible();
  await expectNoViolation(page, 'map');
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await buyer.seat(5).click();
  await buyer.seat(6).click();
  await buyer.seat(9).click();
  await expect(page.getByText('Take one out first.').first()).toBeVisible();
  await expectNoViolation(page, 'list, picked and refused');
  await hold(server, await guest(server), performance, [5]);
  await expect(page.getByRole('button', { name: /^Take .* instead/ })).toBeVisible();
  await expectNoViolation(page, 'a picked seat is lost');
  await buyer.hold(9);
  await page.goBack();
  await expect(page.getByText('You are holding 2 seats here.')).toBeVisible();
  await expectNoViolation(page, 'some are mine already');

  const theatre = await server.seed('--plan', plans.theatre, '--title', 'Theatre');
  await buyer.open(`/performances/${theatre.performance_id}`);
  const map = await SeatMap.of(page, server, theatre.performance_id);
  await expect(map.canvas).toBeVisible();
  await page.getByRole('button', { name: 'Closer' }).click();
  await page.getByRole('button', { name: 'Closer' }).click();
  const { x, y } = await map.at([...map.seats.keys()][Math.floor(map.seats.size / 2)] ?? 1);
  await page.mouse.move(x, y);
  await expectNoViolation(page, 'theatre, closer');
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await page.getByRole('main').locator('[aria-expanded=false]').first().click();
  await page.getByRole('main').locator('[aria-expanded=false]').first().click();
  await expectNoViolation(page, 'theatre as a list');

  const later = await perform(server, { title: 'Later', opensIn: 60 });
  await buyer.open(`/performances/${later.performance}`);
  await expect(page.getByText(/On sale from/)).toBeVisible();
  await expectNoViolation(page, 'not on sale yet');
});

test('buying: details, errors, question, paying, declined, tickets', async ({ page }) => {
  const { server } = own;
  await server.restart(declining);
  const { performance } = await perform(server, { title: 'Buying' });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(1, 2);
  await expectNoViolation(page, 'details');
  await buyer.pay.click();
  await expect(page.getByText('please fill this in')).toBeVisible();
  await expectNoViolation(page, 'details with errors');
  await page.getByRole('button', { name: 'Give the seats back' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await expectNoViolation(page, 'the question before giving back');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await expect(page.getByRole('alert')).toContainText('The payment was declined');
  await expectNoViolation(page, 'declined');

  await buyer.open('/reservations');
  await expect(page.getByText('Held for you')).toBeVisible();
  await expectNoViolation(page, 'reservations');
  await server.restart({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });
  await page.getByRole('link', { name: /Continue to payment/ }).click();
  await buyer.expectDetails();
  let release = () => {};
  const released = new Promise<void>((done) => (release = done));
  await page.route('**/confirm', async (route) => {
    await released;
    await route.continue();
  });
  await buyer.pay.click();
  await expect(page.getByRole('button', { name: 'Paying…' })).toBeDisabled();
  await expect(page.locator('form[aria-busy=true]')).toBeVisible();
  await expectNoViolation(page, 'paying');
  release();
  await buyer.expectTickets(2);
  await expectNoViolation(page, 'tickets');
  await buyer.open('/orders');
  await expect(page.getByText('Buying')).toBeVisible();
  await expectNoViolation(page, 'orders');
});

test('a door: ready, let in, used', async ({ page }) => {
  const { server } = own;
  await server.restart({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });
  const { performance } = await perform(server, { title: 'Door' });
  const { codes } = await bought(server, performance, [1]);
  await page.goto(`${server.url}/#/scan`);
  await expectHeading(page, 'Scan tickets');
  await expectNoViolation(page, 'a door, nobody logged in');
  await atTheDoor(page, server);
  await expectNoViolation(page, 'a door');
  const scan = async () => {
    await page.getByLabel('Ticket code').fill(codes[0] ?? '');
    await page.keyboard.press('Enter');
  };
  await scan();
  await expect(page.locator('.result')).toContainText('Let in');
  await expectNoViolation(page, 'let in');
  await scan();
  await expect(page.locator('.result')).toContainText('Somebody has been let in');
  await expectNoViolation(page, 'used');
});

test('reservations that ended: time up, given back, paid', async ({ page }) => {
  const { server } = own;
  const settings = { hold_ttl_s: 10, max_extensions: 1 };
  const { performance } = await perform(server, { title: 'Ends', settings });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(1);
  await expect(page.getByText('Not much time left.')).toBeVisible();
  await expectNoViolation(page, 'little time left');
  await expect(page.getByRole('main')).toContainText('Your time is up', { timeout: 15_000 });
  await expectNoViolation(page, 'time up');

  await buyer.openList(performance);
  await buyer.hold(2);
  const given = page.url();
  await page.getByRole('button', { name: 'Give the seats back' }).click();
  await page.getByRole('button', { name: 'Give back', exact: true }).click();
  await expect(page).toHaveURL(/performances/);
  await page.goto(given);
  await expect(page.getByText('You gave these seats back')).toBeVisible();
  await expectNoViolation(page, 'given back');

  await buyer.openList(performance);
  await buyer.hold(3);
  const paid = page.url();
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(1);
  await page.goto(paid);
  await expect(page.getByText('These seats are paid')).toBeVisible();
  await expectNoViolation(page, 'paid already');
});

test('accounts: signing up, logging in, wallet, nothing bought', async ({ page }) => {
  const { server } = own;
  const buyer = new Buyer(page, server);
  await buyer.open('/orders');
  await expect(page.getByText('Nothing bought in this browser yet')).toBeVisible();
  await expectNoViolation(page, 'nothing bought');
  await buyer.open('/wallet');
  await expect(page.getByText('Wallets belong to accounts.')).toBeVisible();
  await expectNoViolation(page, 'wallet of nobody');
  await buyer.open('/data');
  await expect(page.getByText('Nobody is known in this browser')).toBeVisible();
  await expectNoViolation(page, 'data of nobody');
  await buyer.open('/signup');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByText('please fill this in').first()).toBeVisible();
  await expectNoViolation(page, 'signing up, with errors');
  await buyer.open('/login');
  await expectHeading(page, 'Log in');
  await page.getByLabel('E-mail address').fill('nobody@example.com');
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expectNoViolation(page, 'logging in, refused');

  const account = { email: 'axe@example.com', password: 'eight or more', name: 'Lee Jun' };
  await call(server, 'POST', '/auth/signup', { body: account });
  await page.getByLabel('E-mail address').fill(account.email);
  await page.getByLabel('Password').fill(account.password);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expectHeading(page, 'Events');
  await buyer.open('/wallet');
  await expect(page.getByText('Balance')).toBeVisible();
  await expectNoViolation(page, 'wallet');
  await buyer.open('/orders');
  await expect(page.getByText('No orders yet')).toBeVisible();
  await expectNoViolation(page, 'no orders');
});
