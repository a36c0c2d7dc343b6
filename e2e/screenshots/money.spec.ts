/** Pictures of what has to do with money: the card form, an order and its refunds, the organizers' pages. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { type Order, call, guest, hold, logIn, perform } from '../support/api.ts';
import { MailServer } from '../support/mail.ts';
import { Stripe } from '../support/stripe.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const folder = process.env['SCREENSHOTS'] ?? '';
test.skip(process.env['SCREENSHOTS_OF'] === 'docs' || !Stripe.isInstalled, 'not in the documents');

const mail = await MailServer.start();
let stripe: Stripe;
const own = serve(async () => {
  stripe = await Stripe.start();
  return {
    ...stripe.settings,
    ...mail.settings,
    ONSALE_PAYMENTS__SIMULATED__ENABLED: 'true',
    ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0',
    ONSALE_WEBHOOKS__ALLOW_PRIVATE: 'true',
  };
});
test.afterAll(async () => {
  mail.stop();
  await stripe?.stop();
});

const screens = {
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
  desktop: { viewport: { width: 1440, height: 900 } },
} as const;

test.describe.configure({ mode: 'serial' });
for (const [screen, options] of Object.entries(screens)) {
  for (const [locale, colorScheme] of [
    ['en-US', 'light'],
    ['ko-KR', 'dark'],
  ] as const) {
    test(`${screen}, ${locale}`, async ({ browser }) => {
      mkdirSync(folder, { recursive: true });
      const context = await browser.newContext({ ...options, colorScheme, locale });
      const page = await context.newPage();
      const { server } = own;
      const buyer = new Buyer(page, server);
      const take = async (name: string) => {
        const path = join(folder, `${name}-${screen}-${locale.slice(0, 2)}.png`);
        await page.screenshot({ path, animations: 'disabled', fullPage: !name.startsWith('card') });
      };
      const { performance } = await perform(server, { title: 'Chamber music' });
      const token = await guest(server);
      const session = { access: token, refresh: null, expiresAt: Date.now() + 3_600_000 };
      await buyer.open();
      await page.evaluate(
        (guest) => localStorage.setItem('onsale.session', JSON.stringify({ guest })),
        session,
      );
      await page.reload();

      const held = await hold(server, token, performance, [1, 2]);
      await buyer.open(`/reservations/${held.id}`);
      await page.locator('#name').fill('김민지 Kim Min-ji');
      await page.locator('input[value=stripe]').check();
      const form = page.frameLocator('iframe').first();
      await form.getByRole('textbox').first().fill('4000000000000341');
      await form.getByRole('textbox').nth(2).scrollIntoViewIfNeeded();
      await take('card');
      await form.getByRole('textbox').nth(1).fill('1230');
      await form.getByRole('textbox').nth(2).fill('123');
      await page.locator('button[type=submit]').click();
      await expect(page.getByRole('alert')).toBeVisible();
      await take('card-declined');
      stripe.hasScript = false;
      await page.reload();
      await page.locator('input[value=stripe]').check();
      await expect(page.getByRole('alert')).toBeVisible();
      await take('card-unreachable');
      stripe.hasScript = true;

      const order = await call<Order>(server, 'POST', `/reservations/${held.id}/confirm`, {
        token,
        body: {
          payment: { method: 'simulated' },
          buyer: { name: '김민지 Kim Min-ji', email: 'kim@example.com' },
        },
      });
      const organizer = await logIn(server);
      const body = { seat_ids: [2] };
      await call(server, 'POST', `/orders/${order.id}/refund`, { token: organizer, body });
      await buyer.open(`/orders/${order.id}`);
      await expect(page.getByText('kim@example.com').first()).toBeVisible();
      await page.waitForLoadState('networkidle');
      await take('order');

      const { email, password } = server.organizer;
      await buyer.open(`/login?next=/manage/orders/${order.id}`);
      await page.locator('#email').fill(email);
      await page.locator('#password').fill(password);
      await page.locator('main button[type=submit]').click();
      await page.locator('input[type=checkbox]').first().check();
      await take('manage-order');
      await page.locator('.button.danger').click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await page.screenshot({
        path: join(folder, `manage-ask-${screen}-${locale.slice(0, 2)}.png`),
      });
      await page.keyboard.press('Escape');
      const endpoint = {
        url: 'http://127.0.0.1:9/hooks',
        events: ['order.paid', 'order.refunded'],
      };
      const made = await call<{ id: string }>(server, 'POST', '/webhook-endpoints', {
        token: organizer,
        body: endpoint,
      });
      await page.route('**/api/v1/webhook-deliveries?*', (route) =>
        route.fulfill({
          json: {
            items: [
              {
                id: order.id,
                endpoint_id: made.id,
                type: 'order.paid',
                status: 'dead',
                attempts: 14,
                created_at: order.created_at,
                last_error: 'the connection was refused',
              },
            ],
            next_cursor: order.id,
          },
        }),
      );
      await buyer.open('/manage/webhooks');
      await expect(page.getByText('the connection was refused')).toBeVisible();
      await take('manage-webhooks');
      await page.locator('header [aria-expanded]').click();
      await take('header');
      await context.close();
    });
  }
}
