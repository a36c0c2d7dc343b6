/**
 * Paying by card in Stripe's form: `localstripe` keeps the books; the script for browsers is ours and speaks the documented
 * interface of Stripe.js (see `support/stripe-script.ts`), because that of `localstripe` has no Payment Element and takes no
 * card for a PaymentIntent.
 */
import type { Page, Request } from '@playwright/test';

import { orders, perform } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { Stripe, cards } from '../support/stripe.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const isMissing = !Stripe.isInstalled && process.env['CI'] !== 'true';
test.skip(isMissing, 'localstripe is not installed');

let stripe: Stripe;
const own = serve(async () => {
  if (isMissing) return {};
  stripe = await Stripe.start();
  return stripe.settings;
});
test.afterAll(async () => stripe?.stop());

/** Ends on the page that asks for the card. */
async function atCheckout(page: Page, seat: number, title: string): Promise<Buyer> {
  const { server } = own;
  const { performance } = await perform(server, { title });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(seat);
  await buyer.fillIn('Kim Min-ji');
  return buyer;
}

async function type(page: Page, number: string, label = 'Card number'): Promise<void> {
  const form = page.frameLocator('iframe[title="Secure payment input frame"]');
  await form.getByLabel(label).fill(number);
  await form.getByRole('textbox').nth(1).fill('1230');
  await form.getByRole('textbox').nth(2).fill('123');
}

const bank = (page: Page) => page.frameLocator('iframe[title="Bank"]');

/** What this page sends to the server it came from. */
function sentHome(page: Page): string[] {
  const sent: string[] = [];
  page.on('request', (request: Request) => {
    if (request.url().startsWith(own.server.url)) sent.push(request.url() + request.postData());
  });
  return sent;
}

test('a card pays, and its number goes nowhere but to Stripe', async ({ page }) => {
  const sent = sentHome(page);
  const violations: string[] = [];
  page.on('console', (message) => {
    if (message.text().includes('Content Security Policy')) violations.push(message.text());
  });
  const buyer = await atCheckout(page, 1, 'Card');
  const before = stripe.calls.length;
  await type(page, cards.good);
  await buyer.pay.click();
  await buyer.expectTickets(1);
  await expect(page.getByText('Card', { exact: true }).last()).toBeVisible();
  expect(sent.some((text) => text.includes('/confirm'))).toBe(true);
  expect(sent.filter((text) => text.includes(cards.good))).toEqual([]);
  expect(violations).toEqual([]);
  expect(stripe.calls.slice(before)).toContain('POST /browser/payment_methods');
  const [paid] = await orders(own.server, await buyer.token());
  expect(paid).toMatchObject({ status: 'paid', payment_method: 'stripe' });
});

test('the script is not loaded before somebody wants to pay by card', async ({ page }) => {
  const before = stripe.calls.filter((call) => call.endsWith('/v3/')).length;
  const { performance } = await perform(own.server, { title: 'Looking' });
  const buyer = new Buyer(page, own.server);
  await buyer.openList(performance);
  expect(stripe.calls.filter((call) => call.endsWith('/v3/'))).toHaveLength(before);
});

test('what is not complete is marked in the form and nothing is asked', async ({ page }) => {
  const buyer = await atCheckout(page, 1, 'Incomplete');
  await type(page, '4242');
  await buyer.pay.click();
  await expect(page.getByRole('alert')).toContainText('The card details are not complete.');
  await expect(page.getByRole('timer')).toHaveText(/^\d+:\d\d$/);
  await type(page, cards.good);
  await page.getByRole('button', { name: 'Try the payment again' }).click();
  await buyer.expectTickets(1);
});

test('a declined card says why, and another one pays', async ({ page }) => {
  const buyer = await atCheckout(page, 2, 'Declined');
  await type(page, cards.declined);
  await buyer.pay.click();
  await expect(page.getByRole('alert')).toContainText(
    'There is not enough money for this payment.',
  );
  await expect(page.getByRole('alert')).toContainText('your seats are still held for you');
  await expect(page.getByRole('timer')).toHaveText(/^\d+:\d\d$/);
  await expectNoViolation(page, 'a card form, and a card that was declined');
  await type(page, cards.good);
  await page.getByRole('button', { name: 'Try the payment again' }).click();
  await buyer.expectTickets(1);
});

test('a bank asks, in Korean, is refused once and then answered', async ({ page }) => {
  const buyer = await atCheckout(page, 3, 'Asking');
  await page.evaluate(() => localStorage.setItem('onsale.language', '"ko"'));
  await page.reload();
  await page.getByLabel('이름', { exact: true }).fill('김민지');
  await type(page, cards.asking, '카드 번호');
  await page.getByRole('button', { name: /결제하기$/ }).click();
  await bank(page).getByRole('button', { name: '인증 실패' }).click();
  await expect(page.getByRole('alert')).toContainText('결제가 거절되었습니다');
  await expect(page.getByRole('alert')).toContainText('결제 수단을 인증할 수 없습니다.');
  // Nobody has to wait for a webhook or a reconciler: the seats are held again at once.
  await expect(page.getByRole('timer')).toHaveText(/^\d+:\d\d$/);
  await page.getByRole('button', { name: '다시 결제하기' }).click();
  await bank(page).getByRole('button', { name: '인증 완료' }).click();
  await expect(page.getByRole('heading', { name: '예매가 완료되었습니다!' })).toBeVisible();
  expect(await orders(own.server, await buyer.token())).toMatchObject([{ status: 'paid' }]);
});

test('a page that is loaded again at the bank goes on there', async ({ page }) => {
  const buyer = await atCheckout(page, 4, 'Reloaded');
  await type(page, cards.asking);
  await buyer.pay.click();
  await expect(bank(page).getByRole('button', { name: 'Complete authentication' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('alert')).toContainText('Your bank wants to know that it is you.');
  await page.getByRole('button', { name: 'Confirm with my bank' }).click();
  await bank(page).getByRole('button', { name: 'Complete authentication' }).click();
  await buyer.expectTickets(1);
  expect(await orders(own.server, await buyer.token())).toHaveLength(1);
});

test('a script that does not come is said, and can be asked for again', async ({ page }) => {
  stripe.hasScript = false;
  const buyer = await atCheckout(page, 5, 'No script');
  await expect(page.getByRole('alert')).toContainText('card form cannot be reached');
  await expect(buyer.pay).toBeDisabled();
  await expect(page.getByRole('radio', { name: /Wallet/ })).toBeVisible();
  stripe.hasScript = true;
  await page.getByRole('button', { name: 'Try again' }).click();
  await type(page, cards.good);
  await buyer.pay.click();
  await buyer.expectTickets(1);
});
