/** Waiting without JavaScript: the page alone, and going on with the place once JavaScript is on. */
import AxeBuilder from '@axe-core/playwright';
import type { Browser, BrowserContext, Page } from '@playwright/test';

import { call, crowd, logIn, perform } from '../support/api.ts';
import type { Server } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.describe.configure({ timeout: 60_000 });

async function openRoom(server: Server, title: string) {
  const settings = { waiting_room: { mode: 'on' } };
  const made = await perform(server, { title, settings });
  const control = async (body: Record<string, unknown>) => {
    const token = await logIn(server);
    await call(server, 'PATCH', `/events/${made.event}/queue/control`, { token, body });
  };
  await control({ paused: true });
  return { ...made, control };
}

async function without(
  browser: Browser,
  locale: string,
  width: number,
): Promise<[BrowserContext, Page]> {
  const viewport = { width, height: 800 };
  const context = await browser.newContext({ javaScriptEnabled: false, locale, viewport });
  return [context, await context.newPage()];
}

/** axe is a script itself: it looks at what was shown, in a page that may run it. */
async function expectSound(shown: Page, browser: Browser, state: string): Promise<void> {
  const context = await browser.newContext({ viewport: shown.viewportSize() });
  const page = await context.newPage();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setContent((await shown.content()).replace(/<meta http-equiv="refresh"[^>]*>/, ''));
    const { violations, passes } = await new AxeBuilder({ page }).analyze();
    const found = violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
    expect.soft(found, `${state}, ${colorScheme}`).toEqual([]);
    expect(passes.length, 'axe has looked at something').toBeGreaterThan(5);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width, 'nothing sticks out').toBeLessThanOrEqual(shown.viewportSize()?.width ?? 0);
  }
  await context.close();
}

test('waits, is called by itself, goes in, and goes on with JavaScript', async ({ browser }) => {
  const { server } = own;
  const room = await openRoom(server, 'Without');
  await crowd(server, room.event, 3);
  const [context, page] = await without(browser, 'en-US', 360);
  await page.goto(server.url);
  await page.getByRole('link', { name: 'wait in line without it' }).click();
  await page.getByRole('link', { name: 'Without' }).click();
  await page.getByRole('button', { name: 'Join the line' }).click();
  await expect(page.getByText('3 people')).toBeVisible();
  await expect(page.getByText('has paused the line')).toBeVisible();
  await expectSound(page, browser, 'waiting');
  await page.reload();
  await expect(page.locator('dt:text-is("Your place") + dd')).toHaveText('4');

  // One a second is called from now on; and nobody presses anything: the page looks again by itself.
  await room.control({ paused: false, admit_per_second: 1 });
  await page.getByRole('link', { name: 'Look again now' }).click();
  await expect(page.getByText('has paused the line')).toBeHidden();
  const heading = page.getByRole('heading', { name: 'It is your turn!' });
  await expect(heading).toBeVisible({ timeout: 20_000 });
  await expectSound(page, browser, 'the turn');
  await page.getByRole('button', { name: 'Go in' }).press('Enter');
  await expect(page.getByRole('heading', { name: 'You are in' })).toBeVisible();
  await expect(page.getByText('do not work without JavaScript')).toBeVisible();

  // The same browser, with JavaScript switched on.
  const onward = await page.getByRole('link', { name: 'Choose seats' }).getAttribute('href');
  const cookies = await context.cookies();
  await context.close();
  const other = await browser.newContext({ locale: 'en-US' });
  await other.addCookies(cookies);
  const buyer = new Buyer(await other.newPage(), server);
  await buyer.page.goto(`${server.url}${onward}`);
  await buyer.page.getByRole('button', { name: 'Choose seats' }).click();
  await buyer.openList(room.performance);
  await buyer.hold(1);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(1);
  await other.close();
});

test('in Korean, from joining to leaving', async ({ browser }) => {
  const { server } = own;
  const room = await openRoom(server, '겨울 이야기');
  const [context, page] = await without(browser, 'ko-KR', 1440);
  await page.goto(`${server.url}/wait/${room.event}`);
  await expect(page.locator('html')).toHaveAttribute('lang', 'ko');
  await page.getByRole('button', { name: '줄 서기' }).click();
  await expect(page.getByRole('heading', { name: '줄을 서 있습니다' })).toBeVisible();
  await expectSound(page, browser, 'waiting, in Korean');
  await page.getByText('줄에서 나가기…').click();
  await page.getByRole('button', { name: '줄에서 나가기' }).click();
  await expect(page.getByText('줄에서 나왔습니다.')).toBeVisible();
  await context.close();
});
