/** Pictures of the waiting page without JavaScript, phone and desktop, in both languages. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { call, crowd, logIn, perform } from '../support/api.ts';
import { serve, test } from '../support/test.ts';

const folder = process.env['SCREENSHOTS'] ?? '';
test.skip(process.env['SCREENSHOTS_OF'] === 'docs', 'the documentation does not show these');

const own = serve();

const screens = {
  phone: { width: 360, height: 740 },
  desktop: { width: 1440, height: 900 },
} as const;

for (const [screen, viewport] of Object.entries(screens)) {
  for (const [locale, colorScheme] of [
    ['en-US', 'light'],
    ['ko-KR', 'dark'],
  ] as const) {
    test(`${screen}, ${locale}, without JavaScript`, async ({ browser }) => {
      const { server } = own;
      mkdirSync(folder, { recursive: true });
      const settings = { waiting_room: { mode: 'on' } };
      const { event } = await perform(server, { title: 'New Year’s concert', settings });
      const control = async (body: Record<string, unknown>) => {
        const token = await logIn(server);
        await call(server, 'PATCH', `/events/${event}/queue/control`, { token, body });
      };
      await control({ paused: true });
      await crowd(server, event, 2);
      const options = { javaScriptEnabled: false, viewport, locale, colorScheme };
      const context = await browser.newContext(options);
      const page = await context.newPage();
      const take = async (name: string) => {
        const path = join(folder, `scriptless-${name}-${screen}-${locale.slice(0, 2)}.png`);
        await page.screenshot({ path, fullPage: true });
      };
      await page.goto(`${server.url}/wait`);
      await take('list');
      await page.goto(`${server.url}/wait/${event}`);
      await take('join');
      await page.getByRole('button').click();
      await take('waiting');
      await control({ paused: false });
      await page.waitForSelector('section.turn', { timeout: 40_000 });
      await take('turn');
      await page.getByRole('button').first().click();
      await page.waitForSelector('a[href*=carried]');
      await take('inside');
      await context.close();
    });
  }
}
