/** What is kept of buyers: they see it, take it along and have it erased; organizers read that it was. */
import { readFile } from 'node:fs/promises';

import type { Page } from '@playwright/test';

import type { components } from '../../web/src/lib/api/schema.d.ts';
import { type Order, call, hold, logIn, orders, perform } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { bought } from '../support/doors.ts';
import { asOrganizer } from '../support/organizers.ts';
import type { Server } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

type MyData = components['schemas']['MyData'];

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.describe.configure({ timeout: 90_000 });

const password = 'eight or more';
const TWO_DAYS = 2 * 24 * 60;

/** Somebody with an account, who has logged in in this browser. */
async function account(page: Page, server: Server, email: string): Promise<Buyer> {
  await call(server, 'POST', '/auth/signup', { body: { name: 'Lee Jun', email, password } });
  const buyer = new Buyer(page, server);
  await logInAs(buyer, email);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Your data');
  return buyer;
}

async function logInAs(buyer: Buyer, email: string): Promise<void> {
  const { page } = buyer;
  await buyer.open('/login?next=/data');
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
}

async function buy(server: Server, token: string, performance: string): Promise<Order> {
  const held = await hold(server, token, performance, [1]);
  const payment = { method: 'simulated' };
  const body = { payment, buyer: { name: 'Lee Jun', email: 'lee@example.com' } };
  return call<Order>(server, 'POST', `/reservations/${held.id}/confirm`, { token, body });
}

/** The file that the page saves, by its name and as what it says. */
async function downloaded(page: Page): Promise<{ name: string; data: MyData }> {
  const saved = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download everything' }).click();
  const file = await saved;
  const text = await readFile(await file.path(), 'utf8');
  return { name: file.suggestedFilename(), data: JSON.parse(text) as MyData };
}

async function erase(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Erase me' }).click();
  const question = page.getByRole('dialog', { name: 'Erase you for good?' });
  await expect(question.getByRole('button', { name: 'Erase nothing' })).toBeFocused();
  await question.getByRole('button', { name: 'Erase me' }).click();
}

async function expectErased(page: Page): Promise<void> {
  const title = page.getByRole('heading', { level: 1 });
  await expect(title).toHaveText('You are erased');
  await expect(title).toBeFocused();
}

const kept = (page: Page) => page.getByRole('region', { name: 'What is kept' });

async function expectWidth(page: Page, width: number): Promise<void> {
  await page.setViewportSize({ width, height: 800 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide, `nothing sticks out at ${width}`).toBeLessThanOrEqual(width);
}

test('an account: bought, looked, downloaded, erased, gone; organizers read that it was', async ({
  page,
  browser,
}) => {
  const { server } = own;
  const toCome = await perform(server, { title: 'To come' });
  const over = await perform(server, { title: 'Over', startsIn: -TWO_DAYS });
  const buyer = await account(page, server, 'lee@example.com');
  await expect(kept(page)).toContainText('No orders');
  await expect(kept(page)).toContainText('No reservations');
  const old = await buy(server, await buyer.token(), over.performance);
  await buyer.openList(toCome.performance);
  await buyer.hold(1);
  await buyer.fillIn('Lee Jun');
  await buyer.pay.click();
  await buyer.expectTickets(1);
  expect(await page.evaluate(() => sessionStorage.getItem('onsale.buyer'))).toContain('Lee Jun');
  const [latest] = await orders(server, await buyer.token());
  const code = latest?.tickets[0]?.code ?? '';

  await buyer.open('/orders');
  await page.getByRole('main').getByRole('link', { name: 'Your data' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toBeFocused();
  for (const words of ['Lee Jun', 'lee@example.com', '₩0', '2 orders', '2 reservations'])
    await expect(kept(page)).toContainText(words);
  await expect(kept(page)).toContainText('No wishes');
  const logIns = page.getByRole('region', { name: 'Log-ins' });
  await expect(logIns.getByRole('listitem')).toHaveCount(1);
  await expect(logIns.getByRole('listitem')).toContainText('Open');
  await expectNoViolation(page, 'data of an account');
  for (const width of [360, 1440]) await expectWidth(page, width);

  const { name, data } = await downloaded(page);
  expect(name).toMatch(/^onsale-data-\d{4}-\d\d-\d\d\.json$/);
  await expect(page.getByText(`Saved as ${name}.`)).toBeVisible();
  expect(data).toMatchObject({ kind: 'account', email: 'lee@example.com', name: 'Lee Jun' });
  expect(data.orders.items.map((order) => order.buyer.name)).toEqual(['Lee Jun', 'Lee Jun']);
  expect(data.orders.items.map(({ id }) => id)).toContain(old.id);
  expect(data.orders.next_cursor).toBeNull();
  expect(data.reservations.items).toHaveLength(2);

  await page.getByRole('button', { name: 'Erase me' }).click();
  const question = page.getByRole('dialog');
  await expectNoViolation(page, 'the question before erasing');
  await page.keyboard.press('Escape');
  await expect(question).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Erase me' })).toBeFocused();
  await erase(page);
  await expectErased(page);
  const main = page.getByRole('main');
  await expect(main).toContainText('1 order no longer names you.');
  await expect(main).toContainText('1 order names you until the day after the event');
  await expectNoViolation(page, 'erased');
  await expect(page.getByRole('link', { name: 'Log in' })).toBeVisible();
  await expect(page.getByText('Your log-in has ended.')).toHaveCount(0);
  const left = await page.evaluate(() => ({
    details: sessionStorage.getItem('onsale.buyer'),
    session: localStorage.getItem('onsale.session'),
  }));
  expect(left).toEqual({ details: null, session: '{}' });
  await logInAs(buyer, 'lee@example.com');
  await expect(page.getByRole('alert')).toBeVisible();
  await expect(page).toHaveURL(/#\/login/);

  const office = await browser.newPage();
  await asOrganizer(office, server, '/manage/orders');
  const list = office.getByRole('main').getByRole('listitem');
  await expect(list.filter({ hasText: 'Erased' })).toHaveCount(1);
  await office.goto(`${server.url}/#/manage/orders/${old.id}`);
  await expect(office.getByRole('region', { name: 'Over' })).toContainText('Erased');
  await office.goto(`${server.url}/#/scan`);
  for (const [scanned, buyerName] of [
    [code, 'Lee Jun'],
    [old.tickets[0]?.code ?? '', 'Erased · Over'],
  ] as const) {
    await office.getByLabel('Ticket code').fill(scanned);
    await office.keyboard.press('Enter');
    await expect(office.locator('.result')).toContainText('Let in');
    await expect(office.locator('.result')).toContainText(buyerName);
  }
  await office.getByLabel('Ticket code').fill(old.tickets[0]?.code ?? '');
  await office.keyboard.press('Enter');
  await expect(office.locator('.result')).toContainText(/First scanned .*\(Erased, A-1\)/);
  await office.close();
});

test('a guest: looks, downloads, is erased and has nothing here any more', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'By a guest' });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(1);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(1);
  await page.getByRole('button', { name: 'Language and appearance' }).click();
  await page.getByRole('link', { name: 'Your data' }).click();
  await expect(kept(page)).toContainText('A guest on this device');
  await expect(kept(page)).toContainText('1 order');
  await expect(page.getByText('None: guests do not log in.')).toBeVisible();
  await expectNoViolation(page, 'data of a guest');
  const { data } = await downloaded(page);
  expect(data).toMatchObject({ kind: 'guest', email: null });
  expect(data.orders.items.map((order) => order.buyer.name)).toEqual(['Kim Min-ji']);
  await erase(page);
  await expectErased(page);
  await expect(page.getByRole('main')).toContainText('The guest that you were on this device');
  await expect(page.getByRole('main')).toContainText(
    '1 order names you until the day after the event',
  );
  await page.reload();
  await expect(page.getByText('Nobody is known in this browser')).toBeVisible();
});

test('the file has what is behind the first pieces, and there is none if a piece fails', async ({
  page,
}) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'In pieces' });
  const { order, token } = await bought(server, performance, [1]);
  const [first, second] = [{ ...order, id: 'first' }, order];
  await page.route('**/api/v1/me/data', async (route) => {
    const response = await route.fetch();
    const data = (await response.json()) as MyData;
    const orders = { items: [first], next_cursor: 'further' };
    await route.fulfill({ response, json: { ...data, orders } });
  });
  let broken = true;
  await page.route('**/api/v1/me/orders?*', (route) =>
    broken
      ? route.fulfill({ status: 500, json: { status: 500, code: 'internal' } })
      : route.fulfill({ json: { items: [second], next_cursor: null } }),
  );
  const buyer = new Buyer(page, server);
  await buyer.open();
  const session = { guest: { access: token, refresh: null, expiresAt: Date.now() + 3_600_000 } };
  await page.evaluate(
    (stored) => localStorage.setItem('onsale.session', stored),
    JSON.stringify(session),
  );
  await page.reload();
  await buyer.open('/data');
  await expect(kept(page)).toContainText('1 order and more');
  let files = 0;
  page.on('download', () => (files += 1));
  await page.getByRole('button', { name: 'Download everything' }).click();
  await expect(page.getByRole('alert')).toBeVisible();
  await expectNoViolation(page, 'a download that failed');
  expect(files).toBe(0);
  broken = false;
  const { data } = await downloaded(page);
  expect(data.orders).toEqual({ items: [first, second], next_cursor: null });
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('money in the wallet and events to manage come first, and nothing is erased', async ({
  page,
  browser,
}) => {
  const { server } = own;
  const buyer = await account(page, server, 'rich@example.com');
  const amount = { amount: 10_000, currency: 'KRW' };
  const token = await buyer.token();
  await call(server, 'POST', '/me/wallet/top-ups', { token, body: { amount } });
  await erase(page);
  await expect(page.getByRole('alert')).toContainText('There is money in your wallet.');
  await expectNoViolation(page, 'erasing is refused');
  await page.getByRole('alert').getByRole('link', { name: 'To the wallet' }).click();
  await expect(page.getByText('₩10,000', { exact: true })).toBeVisible();

  const office = await browser.newPage();
  await asOrganizer(office, server, '/manage');
  await office.goto(`${server.url}/#/data`);
  await erase(office);
  await expect(office.getByRole('alert')).toContainText('Organizers’ accounts are not erased.');
  await expect(office.getByRole('heading', { level: 1 })).toHaveText('Your data');
  await office.close();
});

test('who logs in in another tab meanwhile is not erased in place of who was shown', async ({
  page,
}) => {
  const { server } = own;
  await account(page, server, 'one@example.com');
  await expect(kept(page)).toContainText('one@example.com');
  const other = { name: 'Choi', email: 'other@example.com', password };
  await call(server, 'POST', '/auth/signup', { body: other });
  const access = await logIn(server, other);
  const session = { account: { access, refresh: null, expiresAt: Date.now() + 3_600_000 } };
  const tab = await page.context().newPage();
  await tab.goto(server.url);
  await tab.evaluate(
    (stored) => localStorage.setItem('onsale.session', stored),
    JSON.stringify(session),
  );
  await erase(page);
  await expect(page.getByRole('main')).toContainText('Nothing was erased');
  await expect(kept(page)).toContainText('other@example.com');
  expect(await logIn(server, { email: 'one@example.com', password })).toBeTruthy();
});
