/** The time to pay, and its end. */
import { perform, stats } from '../support/api.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

/** The shortest there is. */
const HOLD_S = 10;

const seconds = (clock: string) => {
  const [minutes = 0, rest = 0] = clock.split(':').map(Number);
  return minutes * 60 + rest;
};

test('time that runs out is shown, and the seats come free for the other', async ({
  page,
  browser,
}) => {
  const { server } = own;
  const settings = { hold_ttl_s: HOLD_S, max_extensions: 0 };
  const { performance } = await perform(server, { title: 'Too late', settings });
  const slow = new Buyer(page, server);
  const other = new Buyer(await (await browser.newContext()).newPage(), server);
  await other.openList(performance);
  await slow.openList(performance);
  await slow.hold(2, 3);
  await expect(page.getByText('Not much time left.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'More time' })).toHaveCount(0);
  const timer = page.getByRole('timer');
  const before = seconds(await timer.innerText());
  expect(before).toBeLessThanOrEqual(HOLD_S);
  await expect.poll(async () => seconds(await timer.innerText())).toBeLessThan(before);
  await other.expectSeat(2, 'held');

  const past = (HOLD_S + 5) * 1000;
  await expect(page.getByRole('main')).toContainText('Your time is up', { timeout: past });
  await expect(page.getByText(/A-2 and A-3\. Nothing was charged\./)).toBeVisible();
  await expect(slow.pay).toHaveCount(0);
  await other.expectSeat(2, 'available');
  await other.expectSeat(3, 'available');
  await other.hold(2, 3);

  // The way back leads to the seats as they are now.
  await page.getByRole('link', { name: 'Choose seats again' }).click();
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await slow.expectSeat(2, 'held');
  await slow.hold(5);
  expect(await stats(server, performance)).toMatchObject({ held: 3, sold: 0, drift: 0 });
});

test('whoever goes back to look at the seats keeps what they hold, and is told so', async ({
  page,
}) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Looking around' });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(4, 5);
  await expect(page.getByText('No booking fee is added.')).toBeVisible();
  await page.getByRole('link', { name: 'Back to the seats' }).click();
  await expect(page.getByText(/You are holding 2 seats here\..*Yours until/)).toBeVisible();
  expect(await stats(server, performance)).toMatchObject({ held: 2, drift: 0 });
  await page.getByRole('link', { name: 'Continue to payment' }).click();
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(2);
});

test('more time can be had once', async ({ page }) => {
  const { server } = own;
  const settings = { hold_ttl_s: 30, max_extensions: 1 };
  const { performance } = await perform(server, { title: 'More time', settings });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(1);
  const timer = page.getByRole('timer');
  await expect.poll(async () => seconds(await timer.innerText())).toBeLessThan(29);
  await page.getByRole('button', { name: 'More time' }).click();
  await expect.poll(async () => seconds(await timer.innerText())).toBeGreaterThanOrEqual(29);
  await expect(page.getByRole('button', { name: 'More time' })).toHaveCount(0);
});

test('seats that are given back are free at once', async ({ page, browser }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Given back' });
  const buyer = new Buyer(page, server);
  const other = new Buyer(await (await browser.newContext()).newPage(), server);
  await other.openList(performance);
  await buyer.openList(performance);
  await buyer.hold(7);
  await other.expectSeat(7, 'held');
  await page.getByRole('button', { name: 'Give the seats back' }).click();
  const question = page.getByRole('dialog', { name: 'Give these seats back?' });
  await question.getByRole('button', { name: 'Keep my seats' }).click();
  await expect(question).toBeHidden();
  await other.expectSeat(7, 'held');
  await page.getByRole('button', { name: 'Give the seats back' }).click();
  await question.getByRole('button', { name: 'Give back' }).click();
  await expect(page).toHaveURL(/#\/performances\//);
  await other.expectSeat(7, 'available');
});
