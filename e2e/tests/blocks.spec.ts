/** Seats taken off sale by their organizer, while buyers buy. */
import { type Locator, type Page, expect } from '@playwright/test';

import { call, guest, hold, perform, stats } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { bought } from '../support/doors.ts';
import { SeatMap } from '../support/maps.ts';
import { asOrganizer, lastAction } from '../support/organizers.ts';
import { serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.describe.configure({ timeout: 90_000 });

const heading = (page: Page) => page.getByRole('heading', { level: 1 });

/** A box over two seats and all between them; the map must be in view. */
async function drawBox(page: Page, map: SeatMap, from: number, to: number): Promise<void> {
  const half = (await map.spacing()) / 3;
  const [begin, end] = [await map.at(from), await map.at(to)];
  await page.mouse.move(begin.x - half, begin.y - half);
  await page.mouse.down();
  await page.mouse.move(end.x, end.y, { steps: 3 });
  await page.mouse.move(end.x + half, end.y + half);
  await page.mouse.up();
}

test('seats are blocked by a box and by keyboard, and put back', async ({ page }) => {
  const { server } = own;
  const { event, performance } = await perform(server, { title: 'Blocks', rows: 6, columns: 8 });
  await bought(server, performance, [1]);
  await asOrganizer(page, own.server, `/manage/performances/${performance}`);
  await expect(heading(page)).toHaveText('Seats: Blocks');
  const map = await SeatMap.of(page, server, performance);
  await expect(map.canvas).toBeVisible();
  const chosen = page.getByRole('region', { name: 'Chosen seats' });
  const stock = page.getByRole('region', { name: 'The stock' });
  await expect(stock).toContainText('1 of 48 sold');
  await expect(page.getByText('0 of 1 are in')).toBeVisible();
  await expectNoViolation(page, 'seats of a date');

  await drawBox(page, map, 1, 11);
  await expect(chosen).toContainText('5 seats chosen');
  await expect(chosen).toContainText('1 is held or sold and was left out.');
  await page.keyboard.down('Shift');
  await drawBox(page, map, 17, 19);
  await page.keyboard.up('Shift');
  await expect(chosen).toContainText('8 seats chosen');
  await page.keyboard.press('Escape');
  await expect(chosen).not.toContainText('chosen');
  await drawBox(page, map, 2, 11);
  await expect(chosen).toContainText('4 seats chosen');
  const { x, y } = await map.at(11);
  await page.mouse.click(x, y);
  await expect(chosen).toContainText('A-2, A-3, and B-2');
  await expectNoViolation(page, 'chosen seats');
  await chosen.getByLabel('Reason').fill('For the press');
  await chosen.getByRole('button', { name: 'Block 3 seats' }).click();
  await expect(chosen).toContainText('3 seats are off sale.');
  await expect(stock.getByText('Blocked').locator('..')).toContainText('3');
  expect(await stats(server, performance)).toMatchObject({ blocked: 3, available: 44 });
  for (const seat of [2, 3, 10])
    expect(await call(server, 'GET', `/performances/${performance}/seats/${seat}`)).toMatchObject({
      status: 'blocked',
    });
  expect(await lastAction(server, event)).toMatchObject({
    action: 'block',
    reason: 'For the press',
  });
  await chosen.getByRole('button', { name: 'Undo' }).click();
  await expect(chosen).toContainText('3 seats are on sale again.');
  expect(await stats(server, performance)).toMatchObject({ blocked: 0, available: 47 });

  // The same without a pointer.
  await page.getByRole('button', { name: 'List', exact: true }).press('Enter');
  const press = async (box: Locator) => {
    await box.focus();
    await page.keyboard.press('Space');
  };
  await press(page.getByRole('checkbox', { name: 'All of row C' }));
  await expect(chosen).toContainText('8 seats chosen');
  await page.getByRole('button', { name: 'Seats of row A' }).press('Enter');
  await expect(page.getByRole('checkbox', { name: /A-1 Sold/ })).toBeDisabled();
  await press(page.getByRole('checkbox', { name: 'A-8' }));
  await expect(page.getByRole('checkbox', { name: 'All of row A' })).toHaveJSProperty(
    'indeterminate',
    true,
  );
  await expectNoViolation(page, 'seats as checkboxes');
  await chosen.getByRole('button', { name: 'Block 9 seats' }).press('Enter');
  await expect(chosen).toContainText('9 seats are off sale.');
  await expect(page.getByText('A-8 Not for sale')).toBeVisible();

  // A blocked seat is chosen on the map like any other, and put back.
  await page.getByRole('button', { name: 'Map', exact: true }).click();
  await page.getByRole('button', { name: 'Move the map' }).click();
  const blocked = await map.at(8);
  await page.mouse.click(blocked.x, blocked.y);
  await chosen.getByRole('button', { name: 'Unblock 1 seat' }).click();
  await expect(chosen).toContainText('1 seat is on sale again.');
  expect(await stats(server, performance)).toMatchObject({ blocked: 8 });

  await page.getByRole('button', { name: 'Compare stock and orders' }).click();
  await expect(page.getByText('They agree; there was nothing to put right.').first()).toBeVisible();
});

test('a seat that a buyer was faster at is named, and the rest is offered', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Races', rows: 3, columns: 3 });
  await asOrganizer(page, own.server, `/manage/performances/${performance}`);
  const map = await SeatMap.of(page, server, performance);
  await expect(map.canvas).toBeVisible();
  const chosen = page.getByRole('region', { name: 'Chosen seats' });
  await drawBox(page, map, 1, 5);
  await expect(chosen).toContainText('4 seats chosen');
  // Chosen seats that somebody gets are not chosen any more.
  const buyer = await guest(server);
  await hold(server, buyer, performance, [1]);
  await expect(chosen).toContainText('A-1 was just taken by a buyer and is not chosen any more.');
  await expect(chosen).toContainText('3 seats chosen');

  await page.route(
    '**/blocks',
    async (route) => {
      await hold(server, buyer, performance, [2]);
      await route.continue();
    },
    { times: 1 },
  );
  await chosen.getByRole('button', { name: 'Block 3 seats' }).click();
  await expect(chosen.getByRole('alert')).toContainText(
    'A-2 is held or sold. Nothing was changed.',
  );
  await expectNoViolation(page, 'seats that were taken');
  await chosen.getByRole('button', { name: 'Block the other 2 seats' }).click();
  await expect(chosen).toContainText('2 seats are off sale.');
  expect(await stats(server, performance)).toMatchObject({ blocked: 2, held: 2 });
});
