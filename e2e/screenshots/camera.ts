/** Who looks at what is pictured, and where the pictures go; see screenshots.mjs. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Browser, Page } from '@playwright/test';

const folder = process.env['SCREENSHOTS'] ?? '';
/** Only what the documentation shows. */
export const forDocs = process.env['SCREENSHOTS_OF'] === 'docs';

const screens = {
  phone: {
    viewport: { width: 360, height: 740 },
    deviceScaleFactor: forDocs ? 1 : 2,
    hasTouch: true,
    isMobile: true,
  },
  desktop: { viewport: { width: 1440, height: 900 } },
} as const;

export interface Visitor {
  screen: keyof typeof screens;
  colorScheme: 'light' | 'dark';
  locale: 'en-US' | 'ko-KR';
}

const all = Object.keys(screens).flatMap((screen) =>
  (['light', 'dark'] as const).flatMap((colorScheme) =>
    (['en-US', 'ko-KR'] as const).map((locale): Visitor => ({
      screen: screen as Visitor['screen'],
      colorScheme,
      locale,
    })),
  ),
);

/** Phone and desktop, light and dark, in both languages; for the documentation light and in English. */
export const visitors: readonly Visitor[] = forDocs
  ? all.filter(({ colorScheme, locale }) => colorScheme === 'light' && locale === 'en-US')
  : all;

export const nameOf = ({ screen, colorScheme, locale }: Visitor) =>
  [screen, colorScheme, locale].join(', ');

export type Take = (name: string) => Promise<void>;

/** Goes round as a visitor; what is taken is kept if the documentation shows it, or everything is. */
export async function round(
  browser: Browser,
  visitor: Visitor,
  inDocs: ReadonlySet<string>,
  walk: (page: Page, take: Take) => Promise<void>,
): Promise<void> {
  const { screen, colorScheme, locale } = visitor;
  mkdirSync(folder, { recursive: true });
  const context = await browser.newContext({ ...screens[screen], colorScheme, locale });
  const page = await context.newPage();
  const client = await context.newCDPSession(page);
  await walk(page, async (name) => {
    const file = `${name}-${screen}`;
    if (!forDocs) {
      const path = join(folder, `${file}-${colorScheme}-${locale.slice(0, 2)}.png`);
      await page.screenshot({ path, animations: 'disabled' });
    } else if (inDocs.has(file)) {
      // A quarter of the size of a PNG.
      const options = { format: 'webp', quality: 80 } as const;
      const { data } = await client.send('Page.captureScreenshot', options);
      writeFileSync(join(folder, `${file}.webp`), Buffer.from(data, 'base64'));
    }
  });
  await context.close();
}
