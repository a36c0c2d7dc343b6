/** Payments that are declined, and what the buyer does then. */
import { call, orders, perform, stats } from '../support/api.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const declining = { ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '1' };
const own = serve(declining);

test('a declined payment keeps the seats, and trying again succeeds', async ({ page, browser }) => {
  const { server } = own;
  await server.restart(declining);
  const { performance } = await perform(server, { title: 'Declined' });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(1, 2);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await expect(page.getByRole('alert')).toContainText('The payment was declined');
  await expect(page.getByRole('alert')).toContainText('your seats are still held for you');
  await expect(page.getByRole('timer')).toHaveText(/^\d+:\d\d$/);

  const other = new Buyer(await (await browser.newContext()).newPage(), server);
  await other.openList(performance);
  await other.expectSeat(1, 'held');
  await other.expectSeat(2, 'held');

  // As often as the bank declines.
  const retry = page.getByRole('button', { name: 'Try the payment again' });
  const answered = page.waitForResponse((response) => response.url().endsWith('/confirm'));
  await retry.click();
  expect((await answered).status()).toBe(402);
  await expect(retry).toBeEnabled();
  expect(await stats(server, performance)).toMatchObject({ available: 7, held: 2, sold: 0 });

  // The bank comes to its senses; hold, page and name are as they were.
  await server.restart({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });
  await retry.click();
  await buyer.expectTickets(2);
  await other.expectSeat(1, 'sold');
  await other.expectSeat(2, 'sold');
  const paid = (await orders(server, await buyer.token())).filter(
    ({ status }) => status === 'paid',
  );
  expect(paid).toHaveLength(1);
  expect(await stats(server, performance)).toMatchObject({
    available: 7,
    held: 0,
    sold: 2,
    drift: 0,
  });
});

test('what the card does not pay, the wallet does', async ({ page }) => {
  const { server } = own;
  await server.restart(declining);
  const { performance } = await perform(server, { title: 'Wallet' });
  const account = { email: 'wallet@example.com', password: 'eight or more', name: 'Lee Jun' };
  await call(server, 'POST', '/auth/signup', { body: account });
  const buyer = new Buyer(page, server);
  await buyer.open(`/login?next=/performances/${performance}`);
  await page.getByLabel('E-mail address').fill(account.email);
  await page.getByLabel('Password').fill(account.password);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await buyer.hold(4);
  await buyer.fillIn(account.name);
  await buyer.pay.click();
  await expect(page.getByRole('alert')).toContainText('The payment was declined');

  await page.getByRole('radio', { name: /Wallet/ }).check();
  await expect(page.getByText('₩50,000 short')).toBeVisible();
  await page
    .getByRole('button', { name: 'Top up by ₩50,000' })
    .or(page.getByRole('button', { name: 'Top up ₩50,000' }))
    .click();
  await expect(page.getByText('Balance: ₩50,000')).toBeVisible();
  await page.getByRole('button', { name: 'Try the payment again' }).click();
  await buyer.expectTickets(1);
  await expect(page.getByText('Wallet', { exact: true }).last()).toBeVisible();
  const { balance } = await call<{ balance: { amount: number } }>(server, 'GET', '/me/wallet', {
    token: await buyer.token(),
  });
  expect(balance.amount).toBe(0);
});
