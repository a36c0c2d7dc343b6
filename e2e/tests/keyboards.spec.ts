/** The whole purchase without a pointer. */
import type { Page } from '@playwright/test';

import { orders, perform } from '../support/api.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

/** More stops than any of these pages has. */
const MOST_STOPS = 40;

/** Presses Tab until what has the focus is called so; it must be seen that it has it. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  const passed: string[] = [];
  for (let stop = 0; stop < MOST_STOPS; stop += 1) {
    await page.keyboard.press('Tab');
    const focus = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement | null;
      if (!element || element === document.body) return { name: '', ring: true };
      const labels = [...((element as HTMLInputElement).labels ?? [])].map((l) => l.innerText);
      // A link that stretches over its card has its ring around the card.
      const ring = [undefined, '::after'].some((part) => {
        const { outlineStyle, outlineWidth } = getComputedStyle(element, part);
        return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
      });
      return { name: element.ariaLabel ?? labels[0] ?? element.innerText, ring };
    });
    expect(focus.ring, `the focus is seen on “${focus.name}”`).toBe(true);
    if (name.test(focus.name)) return;
    passed.push(focus.name);
  }
  throw new Error(`Tab never came to ${name}; it came to: ${passed.join(' | ')}`);
}

test('a purchase from the first page to the tickets by keyboard alone', async ({ page }) => {
  const { server } = own;
  await perform(server, { title: 'By hand' });
  const buyer = new Buyer(page, server);
  const heading = page.getByRole('heading', { level: 1 });
  const { keyboard } = page;
  await buyer.open();
  await expect(page.getByRole('link', { name: /By hand/ })).toBeVisible();

  // The first stop leads past the menu.
  await tabTo(page, /Skip to the content/);
  await keyboard.press('Enter');
  await expect(page.getByRole('main')).toBeFocused();
  await tabTo(page, /By hand/);
  await keyboard.press('Enter');
  await expect(heading).toHaveText('By hand');
  await expect(heading).toBeFocused();
  await expect(page).toHaveTitle(/^By hand/);
  await tabTo(page, /Choose seats/);
  await keyboard.press('Enter');
  await expect(heading).toHaveText('Choose seats: By hand');
  await expect(page.getByRole('button', { name: 'List', exact: true })).toBeVisible();

  await tabTo(page, /^List$/);
  await keyboard.press('Space');
  await tabTo(page, /^A-1,/);
  await keyboard.press('ArrowRight');
  await expect(buyer.seat(2)).toBeFocused();
  await keyboard.press('ArrowDown');
  await expect(buyer.seat(5)).toBeFocused();
  await keyboard.press('Space');
  await buyer.expectSeat(5, 'picked');
  await keyboard.press('End');
  await expect(buyer.seat(6)).toBeFocused();
  await keyboard.press('Enter');
  await buyer.expectSeat(6, 'picked');
  await keyboard.press('Space');
  await buyer.expectSeat(6, 'available');
  await keyboard.press('Space');
  await tabTo(page, /^Hold 2 seats$/);
  await keyboard.press('Enter');

  await buyer.expectDetails();
  await expect(heading).toBeFocused();
  // Sent too early: the field that is missing gets the focus and says why.
  await tabTo(page, /^Pay/);
  await keyboard.press('Enter');
  const name = page.getByLabel('Name', { exact: true });
  await expect(name).toBeFocused();
  await expect(name).toHaveAccessibleDescription(/please fill this in/);
  await keyboard.type('Kim Min-ji');
  await tabTo(page, /^E-mail address/);
  await keyboard.type('minji@example.com');
  await tabTo(page, /^Pay ₩/);
  await keyboard.press('Enter');
  await buyer.expectTickets(2);
  await expect(heading).toBeFocused();
  expect(await orders(server, await buyer.token())).toHaveLength(1);
});
