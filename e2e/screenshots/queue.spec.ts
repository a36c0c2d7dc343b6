/** Pictures of the waiting room in each state, phone and desktop, in both languages. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { components } from '../../web/src/lib/api/schema.d.ts';
import { perform } from '../support/api.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

type Place = components['schemas']['QueuePlace'];

const folder = process.env['SCREENSHOTS'] ?? '';
test.skip(process.env['SCREENSHOTS_OF'] === 'docs', 'the documentation does not show these');

const own = serve();

const later = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
const waiting: Place = {
  ticket: 'ticket',
  status: 'waiting',
  position: 5214,
  ahead: 1312,
  eta_s: 1640,
  poll_after_ms: 30_000,
  odds: { reached: 3900, likely: true },
  claim_until: null,
  at_door: false,
  missed: false,
  inside_until: null,
  return_line: false,
};
const states: Record<string, () => Place> = {
  lobby: () => ({ ...waiting, status: 'lobby', position: null, ahead: null, odds: null }),
  waiting: () => waiting,
  unlikely: () => ({ ...waiting, eta_s: null, odds: { reached: 40, likely: false } }),
  ready: () => ({ ...waiting, status: 'ready', claim_until: later(52) }),
  door: () => ({ ...waiting, status: 'ready', at_door: true }),
  missed: () => ({ ...waiting, status: 'ready', missed: true }),
  sold_out: () => ({ ...waiting, status: 'sold_out' }),
  closed: () => ({ ...waiting, status: 'closed' }),
};

const screens = {
  phone: { viewport: { width: 360, height: 740 } },
  desktop: { viewport: { width: 1440, height: 900 } },
} as const;

let event = '';
test.beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const waiting_room = { mode: 'on', opens_at: later(1800) };
  const title = 'New Year’s concert';
  event = (await perform(own.server, { title, settings: { waiting_room } })).event;
});

for (const [screen, options] of Object.entries(screens)) {
  for (const [locale, colorScheme] of [
    ['en-US', 'light'],
    ['ko-KR', 'dark'],
  ] as const) {
    test(`${screen}, ${locale}`, async ({ browser }) => {
      const context = await browser.newContext({ ...options, locale, colorScheme });
      const page = await context.newPage();
      const buyer = new Buyer(page, own.server);
      for (const [name, place] of Object.entries(states)) {
        await page.route('**/api/v1/events/*/queue**', (route) => route.fulfill({ json: place() }));
        await page.route('**/queue/stream**', (route) => route.abort());
        await buyer.open(`/events/${event}/queue`);
        await page.evaluate((event) => {
          const kept = JSON.stringify({ ticket: 'ticket', aheadAtFirst: 3150 });
          localStorage.setItem(`onsale.queue.${event}`, kept);
        }, event);
        await page.reload();
        await expect(page.locator('[data-status]').first()).toHaveAttribute(
          'data-status',
          place().status,
        );
        const path = join(folder, `queue-${name}-${screen}-${locale.slice(0, 2)}.png`);
        await page.screenshot({ path, animations: 'disabled', fullPage: true });
        await page.unrouteAll({ behavior: 'ignoreErrors' });
        // Its own address, or the next state would find the page as it is.
        await page.goto('about:blank');
      }
      await context.close();
    });
  }
}
