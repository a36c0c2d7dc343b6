/** What axe finds wrong with a page, light and dark. */
import AxeBuilder from '@axe-core/playwright';
import { type Page, expect } from '@playwright/test';

export async function expectNoViolation(page: Page, state: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
    const { violations, passes } = await new AxeBuilder({ page }).analyze();
    const found = violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id} (${help}): ${html}\n${failureSummary}`),
    );
    expect.soft(found, `${state}, ${colorScheme}`).toEqual([]);
    expect(passes.length, 'axe has looked at something').toBeGreaterThan(5);
  }
}
