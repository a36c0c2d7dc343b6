/** Tickets, from the order to the door. */
import { readFileSync } from 'node:fs';

import { chromium } from '@playwright/test';

import { call, logIn, perform } from '../support/api.ts';
import { browserOptions } from '../support/browser.ts';
import { atTheDoor, bought, film } from '../support/doors.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test('an order shows its codes, and gives them as files', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Files' });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(1, 2);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(2);
  for (const seat of ['A-1', 'A-2']) {
    const code = page.getByRole('img', { name: `QR code of the ticket for ${seat}` });
    await expect(code).toBeVisible();
    // It is drawn, and not merely there.
    await expect
      .poll(() => code.evaluate((image: HTMLImageElement) => image.naturalWidth))
      .toBeGreaterThan(0);
  }
  const saved = async (button: string) => {
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: button }).click();
    const file = await download;
    return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
  };
  const paper = await saved('Save as PDF');
  expect(paper.name).toMatch(/^tickets-[0-9a-f-]{36}\.pdf$/);
  expect(paper.bytes.subarray(0, 5).toString()).toBe('%PDF-');
  const picture = await saved('Save the QR code for A-2');
  expect(picture.name).toMatch(/^ticket-[0-9A-Z]{4}\.png$/);
  expect(picture.bytes.subarray(1, 4).toString()).toBe('PNG');
});

test('a door: in once, then used; unknown, refunded, taken back; by keyboard alone', async ({
  page,
}) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Door' });
  const { codes } = await bought(server, performance, [1, 2, 3]);
  const other = await bought(server, performance, [9], 'Lee');
  const token = await logIn(server);
  await call(server, 'POST', `/orders/${other.order.id}/refund`, { token, body: {} });
  await atTheDoor(page, server);
  const field = page.getByLabel('Ticket code');
  const result = page.locator('.result');
  await expect(field).toBeFocused();
  const scan = async (code: string) => {
    await page.keyboard.type(code);
    await page.keyboard.press('Enter');
    await expect(field).toHaveValue('');
  };
  await scan(codes[0] ?? '');
  await expect(result).toContainText('Let in');
  await expect(result).toContainText('A-1');
  await expect(result).toContainText('Kim Min-ji');
  await expect(page.getByText('1 of 3 are in')).toBeVisible();
  await expect(field).toBeFocused();
  await scan((codes[1] ?? '').toLowerCase().replace(/.{4}/g, '$& '));
  await expect(result).toContainText('A-2');
  await expect(page.getByText('2 of 3 are in')).toBeVisible();
  await scan(codes[0] ?? '');
  await expect(result).toContainText('Somebody has been let in with this ticket');
  await expect(result).toContainText('First scanned');
  await scan('0000000000000000');
  await expect(result).toContainText('No such ticket');
  await scan(other.codes[0] ?? '');
  await expect(result).toContainText('refunded');
  const takeBack = page.getByRole('button', { name: 'Take back the scan of A-2' });
  await takeBack.focus();
  await page.keyboard.press('Enter');
  await expect(takeBack).toHaveCount(0);
  await expect(page.getByText('1 of 3 are in')).toBeVisible();
  await field.focus();
  await scan(codes[1] ?? '');
  await expect(result).toContainText('Let in');
  await expect(page.getByRole('region', { name: 'Last scans' }).getByRole('listitem')).toHaveCount(
    6,
  );
});

test('a door of one performance refuses tickets to another', async ({ page }) => {
  const { server } = own;
  const here = await perform(server, { title: 'Here' });
  const there = await perform(server, { title: 'There' });
  const [first, second] = [
    await bought(server, here.performance, [1]),
    await bought(server, there.performance, [1]),
  ];
  await atTheDoor(page, server);
  const scan = async (code: string | undefined) => {
    await page.getByLabel('Ticket code').fill(code ?? '');
    await page.getByRole('button', { name: 'Check' }).click();
  };
  await scan(first.codes[0]);
  await page.getByLabel(/Only let in to Here/).check();
  await scan(second.codes[0]);
  await expect(page.locator('.result')).toContainText('This ticket is for another performance.');
  await page.getByLabel(/Only let in to Here/).uncheck();
  await scan(second.codes[0]);
  await expect(page.locator('.result')).toContainText('Let in');
});

test('a camera reads the code that the server drew', async ({ browserName }, info) => {
  expect(browserName).toBe('chromium');
  const { server } = own;
  const { performance } = await perform(server, { title: 'Camera' });
  const { codes, token } = await bought(server, performance, [5]);
  const file = info.outputPath('camera.y4m');
  await film(server, codes[0] ?? '', token, file);
  const { launchOptions } = browserOptions;
  const browser = await chromium.launch({
    ...launchOptions,
    args: [
      ...(launchOptions.args ?? []),
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      `--use-file-for-fake-video-capture=${file}`,
    ],
  });
  try {
    const page = await browser.newPage({ locale: 'en-US' });
    await atTheDoor(page, server);
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await expect(page.locator('.result')).toContainText('Let in', { timeout: 15_000 });
    await expect(page.locator('.result')).toContainText('B-2');
    // It goes on looking at the same ticket, which is not a second visitor.
    await expect(page.getByText('1 of 1 are in')).toBeVisible();
    await expect(
      page.getByRole('region', { name: 'Last scans' }).getByRole('listitem'),
    ).toHaveCount(1);
    await page.getByRole('button', { name: 'Stop the camera' }).click();
    await expect(page.locator('video')).toBeHidden();
  } finally {
    await browser.close();
  }
});

test('on paper there are only the tickets, one to a page, black on white', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Paper' });
  const buyer = new Buyer(page, server);
  await page.emulateMedia({ colorScheme: 'dark' });
  await buyer.openList(performance);
  await buyer.hold(1, 2, 3);
  await buyer.fillIn('Kim Min-ji');
  await buyer.pay.click();
  await buyer.expectTickets(3);
  const codes = page.getByRole('img', { name: /^QR code of the ticket for/ });
  await expect(codes).toHaveCount(3);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  await expect(page.getByRole('heading', { level: 1 })).toBeHidden();
  await expect(page.getByRole('heading', { name: 'Receipt' })).toBeHidden();
  await expect(page.getByRole('banner')).toBeHidden();
  await expect(page.getByRole('button')).toHaveCount(0);
  await expect(page.getByRole('link')).toHaveCount(0);
  const widths = await codes.evaluateAll((images) => images.map((image) => image.clientWidth));
  // 4 cm at 96 pixels to the inch.
  for (const width of widths) expect(width).toBeGreaterThan(150);
  const colors = await page
    .locator('article')
    .first()
    .evaluate((ticket) => {
      const { color, backgroundColor } = getComputedStyle(ticket);
      return [color, backgroundColor, getComputedStyle(document.documentElement).backgroundColor];
    });
  expect(colors).toEqual(['rgb(0, 0, 0)', 'rgb(255, 255, 255)', 'rgb(255, 255, 255)']);
  const paper = await page.pdf({ format: 'A4' });
  expect(paper.toString('latin1').match(/\/Type\s*\/Page\b/g)).toHaveLength(3);
});
