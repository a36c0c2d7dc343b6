/** What comes back after everything was sold: a wish left in the waiting room, what is held for it, and buying that. */
import type { Page } from '@playwright/test';

import { call, logIn, perform, stats } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { bought } from '../support/doors.ts';
import type { Server } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.describe.configure({ timeout: 60_000 });

/** Somewhere to go that is sold out, with a line for what comes back; `refund` gives the seats of one order back. */
async function soldOut(server: Server, title: string) {
  const room = await perform(server, { title, rows: 1, columns: 4 });
  const orders = [
    await bought(server, room.performance, [1, 2]),
    await bought(server, room.performance, [3, 4]),
  ];
  const token = await logIn(server);
  const waiting_room = { mode: 'on', when_sold_out: 'return_line', claim_within_s: 300 };
  await call(server, 'PATCH', `/events/${room.event}`, {
    token,
    body: { settings: { waiting_room } },
  });
  const refund = async (which: number) => {
    const id = orders[which]?.order.id ?? '';
    await call(server, 'POST', `/orders/${id}/refund`, { token, body: {} });
  };
  return { ...room, refund };
}

async function leaveWish(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { name: 'If something comes back' })).toBeVisible();
  await page.getByRole('button', { name: 'Hold it for me' }).click();
}

test('a wish is left, what comes back is held, and it is bought', async ({ page }) => {
  const { server } = own;
  const room = await soldOut(server, 'Came back');
  const buyer = new Buyer(page, server);
  await buyer.open(`/events/${room.event}/queue/${room.performance}`);
  await expectNoViolation(page, 'the form of a wish');
  await page.getByRole('button', { name: 'One more: How many', exact: true }).click();
  await leaveWish(page);
  await expect(page.getByText('We will hold it for you: 2 seats or places')).toBeVisible();
  await expectNoViolation(page, 'a wish');
  await page.reload();
  await expect(page.getByText('We will hold it for you: 2 seats or places')).toBeVisible();

  await room.refund(1);
  await expect(page.getByRole('heading', { name: 'it is held for you!' })).toBeVisible({
    timeout: 15_000,
  });
  await expect(page.getByRole('timer')).toHaveText(/^[45]:\d\d$/);
  await expectNoViolation(page, 'something that came back');
  expect(await stats(server, room.performance)).toMatchObject({ held: 2, available: 0 });
  await page.getByRole('link', { name: 'To payment' }).click();
  await buyer.expectDetails();
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(2);
  expect(await stats(server, room.performance)).toMatchObject({ sold: 4, held: 0, drift: 0 });
});

test('each in line gets some of what came back; wishes are taken back, and what is held is given back', async ({
  page,
  browser,
}) => {
  const { server } = own;
  const room = await soldOut(server, 'Passed on');
  const first = new Buyer(page, server);
  await first.open(`/events/${room.event}/queue/${room.performance}`);
  await leaveWish(page);
  await expect(page.getByText('We will hold it for you: 1 seat or place')).toBeVisible();
  const other = await (await browser.newContext()).newPage();
  await new Buyer(other, server).open(`/events/${room.event}/queue/${room.performance}`);
  await leaveWish(other);
  await page.getByRole('button', { name: 'I want nothing any more' }).click();
  await expect(page.getByText('Nothing is being held for you.')).toBeVisible();
  await page.getByRole('button', { name: 'Leave it again' }).click();
  await leaveWish(page);

  const offered = (where: Page) => where.getByRole('heading', { name: 'it is held for you!' });
  await room.refund(0);
  await expect(offered(page)).toBeVisible({ timeout: 15_000 });
  await expect(offered(other)).toBeVisible({ timeout: 15_000 });
  await page.getByRole('button', { name: 'Give it back' }).click();
  await expect(page.getByText('Nothing is being held for you.')).toBeVisible();
  await other.context().close();
});
