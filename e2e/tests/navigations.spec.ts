/** Going from page to page: each has its own title, its heading gets the focus, and the browser knows what it is. */
import type { Page } from '@playwright/test';

import { perform } from '../support/api.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

async function expectArrival(page: Page, heading: string | RegExp): Promise<void> {
  const title = page.getByRole('heading', { level: 1 });
  await expect(title).toHaveText(heading);
  await expect(title).toBeFocused();
  await expect(page).toHaveTitle(`${await title.innerText()} · onsale`);
}

test('every page has its title and gives its heading the focus, forwards and back', async ({
  page,
}) => {
  const { server } = own;
  await perform(server, { title: 'Journey' });
  const buyer = new Buyer(page, server);
  await buyer.open();
  await expect(page).toHaveTitle('Events · onsale');
  await expect(page.getByRole('heading', { level: 1 }), 'nothing moves at first').not.toBeFocused();
  await page.getByRole('link', { name: /Journey/ }).click();
  await expectArrival(page, 'Journey');
  await page.getByRole('link', { name: /Choose seats/ }).click();
  await expectArrival(page, 'Choose seats: Journey');
  await page.getByRole('button', { name: 'List', exact: true }).click();
  await buyer.hold(1);
  await expectArrival(page, 'Your details');
  await page.getByRole('link', { name: 'Back to the seats' }).click();
  await expectArrival(page, 'Choose seats: Journey');
  await page.goBack();
  await expectArrival(page, 'Your details');
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await expectArrival(page, 'You are going!');
  await page.getByRole('link', { name: 'My tickets' }).first().click();
  await expectArrival(page, 'My tickets');
  for (const [name, heading] of [
    ['Reservations', 'My tickets'],
    ['Log in', 'Log in'],
    ['Events', 'Events'],
  ] as const) {
    await page.getByRole('link', { name, exact: true }).first().click();
    await expectArrival(page, heading);
  }
  await buyer.open('/nowhere');
  await expectArrival(page, 'There is nothing here');
});

test('the page can be kept like a program, in its own colours', async ({ page, context }) => {
  const { server } = own;
  await page.goto(server.url);
  const client = await context.newCDPSession(page);
  const { errors, data, url } = await client.send('Page.getAppManifest');
  expect(errors).toEqual([]);
  expect(new URL(url).pathname).toBe('/manifest.webmanifest');
  const { icons } = JSON.parse(data ?? '{}') as { icons: { src: string; type: string }[] };
  for (const { src, type } of icons) {
    const response = await page.request.get(`${server.url}/${src}`);
    expect(response.headers()['content-type'], src).toContain(type);
  }
  const served = await page.request.get(url);
  expect(served.headers()['content-type']).toContain('application/manifest+json');

  const colors = () =>
    page
      .locator('meta[name="theme-color"]')
      .evaluateAll((metas) => metas.map((meta) => meta.getAttribute('content')));
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(colors).toEqual(['#201d25', '#201d25']);
  await page.emulateMedia({ colorScheme: 'light' });
  await expect.poll(async () => (await colors()).join()).toMatch(/^(#fff(fff)?),\1$/);
});

test('without JavaScript the page says what it needs, in both languages', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(own.server.url);
  const texts = page.locator('noscript p');
  for (const text of [
    'Choosing seats needs JavaScript.',
    '좌석 선택에는 JavaScript가 필요합니다.',
  ]) {
    await expect(texts.filter({ hasText: text })).toBeVisible();
  }
  await context.close();
});
