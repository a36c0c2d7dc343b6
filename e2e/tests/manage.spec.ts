/** What organizers do in the pages: the way to the door, an order and its refunds, webhooks that were given up. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { type Page, expect } from '@playwright/test';

import { call, logIn, perform, stats } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { bought } from '../support/doors.ts';
import { asOrganizer as logInAs } from '../support/organizers.ts';
import { serve, test } from '../support/test.ts';

const own = serve({
  ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0',
  ONSALE_WEBHOOKS__ALLOW_PRIVATE: 'true',
});

const asOrganizer = (page: Page, path: string) => logInAs(page, own.server, path);

test('the way to the door is in the header for organizers and nobody else', async ({ page }) => {
  await page.goto(own.server.url);
  const menu = page.getByRole('navigation', { name: 'Main menu' });
  await expect(menu.getByRole('link', { name: 'Events' })).toBeVisible();
  await expect(menu.getByRole('link', { name: 'Scan tickets' })).toHaveCount(0);
  await asOrganizer(page, '/orders');
  await menu.getByRole('link', { name: 'Scan tickets' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Scan tickets');
  await page.getByRole('button', { name: 'Language and appearance' }).click();
  await page.getByRole('link', { name: 'For organizers' }).click();
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('My events');
  await page.getByRole('button', { name: 'Language and appearance' }).click();
  await page.getByRole('button', { name: 'Log out' }).click();
  await expect(menu.getByRole('link', { name: 'Scan tickets' })).toHaveCount(0);
});

test('an order is found and refunded seat by seat, back to sale or not', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Refunds' });
  const { order } = await bought(server, performance, [1, 2, 3]);
  await asOrganizer(page, '/manage/orders');
  const find = page.getByLabel('Order number');
  await find.fill('no order');
  await page.getByRole('button', { name: 'Open the order' }).click();
  await expect(find).toHaveAccessibleDescription(/That is not an order number/);
  await find.fill(`https://tickets.example.com/#/orders/${order.id}`);
  await page.getByRole('button', { name: 'Open the order' }).click();
  await expect(page.getByRole('heading', { name: 'Refunds', exact: true })).toBeVisible();

  await expectNoViolation(page, 'an order');

  await page.getByRole('checkbox', { name: /A-1/ }).check();
  await page.getByRole('button', { name: 'Refund 1 seat: ₩50,000' }).click();
  const question = page.getByRole('dialog', { name: 'Give ₩50,000 back?' });
  await expect(question).toContainText('the seats go back on sale');
  await expect(question.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await question.getByRole('button', { name: 'Refund' }).click();
  await expect(page.getByText('₩50,000 for A-1 has been given back.').first()).toBeVisible();
  await expect(page.getByRole('checkbox', { name: /A-1/ })).toBeDisabled();
  expect(await stats(server, performance)).toMatchObject({ available: 7, sold: 2 });

  await page.getByRole('checkbox', { name: /A-2/ }).check();
  await page.getByRole('checkbox', { name: 'Put the seats back on sale' }).uncheck();
  await page.getByRole('button', { name: 'Refund 1 seat: ₩50,000' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Refund' }).click();
  await expect(page.getByText('₩50,000 for A-2 has been given back.').first()).toBeVisible();
  expect(await stats(server, performance)).toMatchObject({ available: 7, sold: 2 });

  // This server sends no e-mail, and says so.
  await page.getByRole('button', { name: 'Send the tickets' }).click();
  await expect(page.getByRole('alert')).toContainText('cannot be sent by e-mail');

  await find.fill('01a200c3-15b7-79c5-83fb-bd739444c3b1');
  await page.getByRole('button', { name: 'Open the order' }).click();
  await expect(page.getByRole('alert')).toContainText('There is no such order for your events.');
});

test('what a program did not take is listed and sent off again', async ({ page }) => {
  let taken = 0;
  let isThere = false;
  const program = createServer((_, response) => {
    if (isThere) taken += 1;
    response.writeHead(isThere ? 204 : 410).end();
  }).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => program.once('listening', resolve));
    const url = `http://127.0.0.1:${(program.address() as AddressInfo).port}/hooks`;
    const { server } = own;
    const token = await logIn(server);
    const dead = () =>
      call<{ items: unknown[] }>(server, 'GET', '/webhook-deliveries?status=dead', { token });
    await asOrganizer(page, '/manage/webhooks');
    await expect(page.getByText('No program of yours is told of anything.')).toBeVisible();
    await call(server, 'POST', '/webhook-endpoints', {
      token,
      body: { url, events: ['order.paid'] },
    });
    const { performance } = await perform(server, { title: 'Webhooks' });
    await bought(server, performance, [1]);
    await expect.poll(async () => (await dead()).items.length, { timeout: 15_000 }).toBe(1);

    await page.reload();
    await expect(page.getByRole('region', { name: 'Endpoints' })).toContainText(url);
    await expectNoViolation(page, 'a message that was given up');
    isThere = true;
    await page.getByRole('button', { name: /^Send off again: order\.paid/ }).click();
    await expect(
      page.getByText('Everything was delivered, or is still being tried.'),
    ).toBeVisible();
    await expect.poll(() => taken, { timeout: 15_000 }).toBe(1);
  } finally {
    program.close();
  }
});

test('payments that are not over are shown with how they stand', async ({ page }) => {
  await asOrganizer(page, '/manage/payments');
  await expect(page.getByText('Every payment and every refund is over.')).toBeVisible();

  // It takes three quarters of a minute until a payment counts as left behind, and half an hour until it is overdue.
  const order = '01a200c3-15b7-79c5-83fb-bd739444c3b1';
  const one = {
    type: 'payment',
    order_id: order,
    event_id: order,
    event_title: 'Winter concert',
    performance_id: order,
    method: 'stripe',
    reference: 'pi_3OvZ',
    amount: { amount: 150_000, currency: 'KRW' },
    since: '2026-11-21T10:00:00Z',
    standing: 'overdue',
  };
  const back = { ...one, type: 'refund', refund_id: '01a200c3-15b7-79c5-83fb-bd739444c3b2' };
  const items = [one, { ...back, standing: 'retried' }];
  await page.route('**/api/v1/unsettled-payments', (route) =>
    route.fulfill({ json: { items, next_cursor: null } }),
  );
  await page.reload();
  await expect(page.getByText('1 has not been settled for half an hour.')).toBeVisible();
  const rows = page.getByRole('region', { name: 'Not over yet' }).getByRole('listitem');
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(0)).toContainText('Payment · ₩150,000');
  await expect(rows.nth(0)).toContainText('Known there as: pi_3OvZ');
  await expect(rows.nth(1)).toContainText('Refund · ₩150,000');
  await expect(rows.nth(1)).toContainText('The provider is being asked.');
  await expectNoViolation(page, 'payments that are not over');
  await rows.nth(0).getByRole('link', { name: 'The order: ₩150,000, Winter concert' }).click();
  await expect(page).toHaveURL(new RegExp(`#/manage/orders/${order}$`));
});
