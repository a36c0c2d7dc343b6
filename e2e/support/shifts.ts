/** How much of a page jumps under whoever looks at it, as browsers measure it (Cumulative Layout Shift). */
import type { Page } from '@playwright/test';

interface Shift {
  value: number;
  hadRecentInput: boolean;
  sources: { node: Node | null }[];
}

declare global {
  interface Window {
    shifts?: { value: number; asked: boolean; of: string }[];
  }
}

/** From the next page on. */
export async function watchShifts(page: Page): Promise<void> {
  await page.addInitScript(() => {
    window.shifts = [];
    const noted = (entries: PerformanceEntryList) => {
      for (const entry of entries as unknown as Shift[]) {
        const names = entry.sources.map(({ node }) => {
          const element = node instanceof Element ? node : node?.parentElement;
          return `${element?.tagName ?? '?'}.${element?.className ?? ''}`;
        });
        const { value, hadRecentInput: asked } = entry;
        window.shifts?.push({ value, asked, of: names.join(' ') });
      }
    };
    new PerformanceObserver((list) => noted(list.getEntries())).observe({
      type: 'layout-shift',
      buffered: true,
    });
  });
}

/** What has moved so far, without what follows from a key or a click of the moment before. */
export async function shiftsOf(page: Page): Promise<{ total: number; by: string[] }> {
  const all = (await page.evaluate(() => window.shifts)) ?? [];
  const unasked = all.filter(({ asked }) => !asked);
  return {
    total: unasked.reduce((sum, { value }) => sum + value, 0),
    by: unasked.map(({ value, of }) => `${value.toFixed(4)} ${of}`),
  };
}
