/** What organizers do with their events in the pages: create them, change them, add dates, find orders. */
import { type Page, expect } from '@playwright/test';

import { call, logIn, perform, stats } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { bought } from '../support/doors.ts';
import { asOrganizer, lastAction } from '../support/organizers.ts';
import { plans } from '../support/server.ts';
import { serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test.describe.configure({ timeout: 90_000 });

const heading = (page: Page) => page.getByRole('heading', { level: 1 });
const idIn = (page: Page) => /[0-9a-f-]{36}/.exec(page.url())?.[0] ?? '';

test('an event is created with a waiting room, gets a date, and is there for buyers', async ({
  page,
  context,
}) => {
  const { server } = own;
  await asOrganizer(page, own.server, '/manage');
  await expect(page.getByRole('heading', { name: 'No events yet' })).toBeVisible();
  await expectNoViolation(page, 'no events');
  await page.getByRole('link', { name: 'New event' }).click();
  await expect(heading(page)).toHaveText('New event');

  const held = page.getByLabel('Seats are held for: minutes');
  await held.fill('90');
  await page.getByLabel('Extensions').focus();
  await expect(held).toHaveAccessibleDescription(/It must be from 10 seconds to 60 minutes\./);
  await page.getByRole('button', { name: 'Create the event' }).click();
  await expect(page.getByLabel('Title')).toBeFocused();
  await expect(page.getByText('Please check 2 entries.')).toBeVisible();
  await expect(page.getByLabel('Let in per second, at most')).toHaveCount(0);
  await page.getByRole('radio', { name: 'With a waiting room' }).check();
  await expectNoViolation(page, 'a new event with errors');

  await page.getByLabel('Title').fill('Winter concert');
  await held.fill('7');
  await page.getByLabel('Seats are held for: seconds').fill('30');
  await page.getByLabel('Inside at the same time, at most').fill('1,250');
  await page.getByRole('radio', { name: 'Keep the line for returns' }).check();
  // What only the server knows is said at the field as well.
  await page.route(
    '**/api/v1/events',
    (route) =>
      route.fulfill({
        status: 400,
        contentType: 'application/problem+json',
        json: {
          status: 400,
          code: 'validation',
          field: 'settings.waiting_room.max_inside',
          detail: 'settings.waiting_room.max_inside: is 1250; allowed is less',
        },
      }),
    { times: 1 },
  );
  await page.getByRole('button', { name: 'Create the event' }).click();
  const inside = page.getByLabel('Inside at the same time, at most');
  await expect(inside).toBeFocused();
  await expect(inside).toHaveAccessibleDescription(/is 1250; allowed is less/);
  await page.getByRole('button', { name: 'Create the event' }).click();
  await expect(heading(page)).toHaveText('Winter concert');

  const event = idIn(page);
  const made = await call<{ settings: Record<string, unknown> }>(server, 'GET', `/events/${event}`);
  expect(made.settings).toMatchObject({
    hold_ttl_s: 450,
    max_seats_per_buyer: 4,
    waiting_room: { mode: 'on', max_inside: 1_250, when_sold_out: 'return_line' },
  });

  await page.getByRole('button', { name: 'Add the date' }).click();
  await expect(page.getByLabel('It begins')).toBeFocused();
  await expectNoViolation(page, 'an event without dates');
  await page.getByLabel('It begins').fill('2027-01-30T19:30');
  await page.getByLabel('The sale closes').fill('2027-01-30T18:00');
  await page.getByLabel('Rows', { exact: true }).fill('4');
  await page.getByLabel('Seats in each row').fill('6');
  await expect(page.getByText('24 seats in all')).toBeVisible();
  await page.getByLabel('Price: every seat').fill('50,000');
  await page.getByRole('button', { name: 'Add an area' }).click();
  const area = page.getByRole('group', { name: 'Area 1' });
  await expect(area.getByLabel('Name')).toBeFocused();
  await area.getByLabel('Name').fill('Standing');
  await area.getByLabel('Places').fill('100');
  await area.getByLabel('Price of a place').fill('30000');
  await expect(area.getByText('₩30,000 ·')).toBeVisible();
  await page.getByRole('button', { name: 'Add the date' }).click();
  await expect(page.getByText('Added: Sat, Jan 30, 2027, 7:30 PM.').first()).toBeVisible();
  await expect(page.getByText('0 of 124 sold')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Add a date' })).toBeFocused();
  await expect(page.getByLabel('Currency')).toBeDisabled();

  const [performance] = (
    await call<{ items: object[] }>(server, 'GET', `/events/${event}/performances`)
  ).items;
  expect(performance).toMatchObject({
    starts_at: '2027-01-30T10:30:00Z',
    sale_closes_at: '2027-01-30T09:00:00Z',
    seat_count: 24,
    prices: { standard: { amount: 50_000, currency: 'KRW' } },
    areas: [{ label: 'Standing', capacity: 100, price: { amount: 30_000, currency: 'KRW' } }],
  });

  const opened = context.waitForEvent('page');
  await page.getByRole('link', { name: 'See it as a buyer: Sat, Jan 30' }).click();
  const buyers = await opened;
  await expect(buyers.getByRole('heading', { name: 'Standing', exact: true })).toBeVisible();
  await expect(buyers.locator('canvas[data-ready]')).toBeVisible();
  await buyers.close();

  // The next date begins as the one before.
  await page.getByRole('button', { name: 'Add a date' }).click();
  await expect(page.getByLabel('It begins')).toBeFocused();
  await expect(page.getByRole('radio', { name: 'A seating plan' })).toBeChecked();
  await expect(page.getByRole('group', { name: 'Area 1' }).getByLabel('Places')).toHaveValue('100');
});

test('only what was changed is sent, and nothing is lost without a question', async ({ page }) => {
  const { server } = own;
  const { event, performance } = await perform(server, { title: 'Changes' });
  await asOrganizer(page, own.server, '/manage');
  await page.getByRole('link', { name: 'Changes', exact: true }).click();
  const title = page.getByLabel('Title');
  await title.fill('Changed');
  await expect(page.getByText('There are changes that are not saved.')).toBeVisible();
  const question = page.getByRole('dialog', { name: 'Leave without saving?' });
  await page.getByRole('link', { name: 'Orders', exact: true }).click();
  await expect(question).toBeVisible();
  await expectNoViolation(page, 'the question about changes');
  await question.getByRole('button', { name: 'Stay here' }).click();
  await page.goBack();
  await expect(question).toBeVisible();
  await question.getByRole('button', { name: 'Stay here' }).click();
  await expect(heading(page)).toHaveText('Changes');
  await expect(title).toHaveValue('Changed');

  // What somebody else has changed meanwhile is not undone.
  const token = await logIn(server);
  const settings = { max_extensions: 3, waiting_room: { max_inside: 70 } };
  await call(server, 'PATCH', `/events/${event}`, { token, body: { settings } });
  await page.getByLabel('Seats per buyer').fill('6');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect(heading(page)).toHaveText('Changed');
  await expect(page.getByText('✓ Saved.')).toBeVisible();
  expect(await call(server, 'GET', `/events/${event}`)).toMatchObject({
    title: 'Changed',
    settings: { max_seats_per_buyer: 6, max_extensions: 3, waiting_room: { max_inside: 70 } },
  });
  await title.fill('Once more');
  await page.getByRole('button', { name: 'Discard the changes' }).click();
  await expect(title).toHaveValue('Changed');

  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Payments and refunds' }).click();
  expect((await download).suggestedFilename()).toBe('Changed-payments.csv');

  await page.getByRole('button', { name: /^Change the times: / }).click();
  const before = await call<{ starts_at: string }>(server, 'GET', `/performances/${performance}`);
  await page.getByLabel('The sale opens').fill('2027-02-01T10:00');
  await expectNoViolation(page, 'the times of a date');
  await page.getByLabel('Reason').fill('The poster says so');
  await page.getByRole('button', { name: 'Save the times' }).click();
  await expect(page.getByText('The times are changed.').first()).toBeVisible();
  await expect(page.getByText('On sale from Mon, Feb 1, 2027, 10:00 AM').first()).toBeVisible();
  await expect(page.getByRole('button', { name: /^Change the times: / })).toBeFocused();
  expect(await call(server, 'GET', `/performances/${performance}`)).toMatchObject({
    starts_at: before.starts_at,
    sale_opens_at: '2027-02-01T01:00:00Z',
  });
  expect(await lastAction(server, event)).toMatchObject({
    action: 'reschedule',
    reason: 'The poster says so',
  });
  await page.getByRole('button', { name: /^Change the times: / }).click();
  await page.getByLabel('The sale opens').fill('');
  await page.getByRole('button', { name: 'Save the times' }).click();
  await expect(page.getByText('On sale since it was added')).toBeVisible();

  await bought(server, performance, [1]);
  await page.getByRole('button', { name: 'Delete the event' }).click();
  const sure = page.getByRole('dialog', { name: 'Delete “Changed”?' });
  await expect(sure.getByRole('button', { name: 'Cancel' })).toBeFocused();
  await sure.getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(page.getByRole('alert')).toContainText('are sold or being paid for, so it stays');
  await expectNoViolation(page, 'an event that cannot be deleted');

  const other = await perform(server, { title: 'A mistake' });
  await page.goto(`${server.url}/#/manage/events/${other.event}`);
  await expect(heading(page)).toHaveText('A mistake');
  await page.getByRole('button', { name: 'Delete the event' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click();
  await expect(heading(page)).toHaveText('My events');
  const row = page.getByRole('article', { name: 'Changed' });
  await expect(row).toContainText('1 of 9 sold');
  await expect(row.getByRole('link', { name: 'On-sale dashboard: Changed' })).toHaveAttribute(
    'href',
    `#/manage/events/${event}/sale`,
  );
  await expect(page.getByRole('article', { name: 'A mistake' })).toHaveCount(0);
  await expectNoViolation(page, 'events');
  await page.goto(`${server.url}/#/manage/events/${other.event}`);
  await expect(page.getByRole('alert')).toContainText('There is no such event of yours.');
});

test('a date has a price for each category of its plan', async ({ page }) => {
  const { server } = own;
  await server.seed('--plan', plans.theatre, '--title', 'A theatre');
  const token = await logIn(server);
  const { id } = await call<{ id: string }>(server, 'POST', '/events', {
    token,
    body: { title: 'In the theatre', settings: { currency: 'EUR' } },
  });
  await asOrganizer(page, own.server, `/manage/events/${id}`);
  await page.getByLabel('It begins').fill('2027-03-01T20:00');
  await page.getByRole('radio', { name: 'A seating plan' }).check();
  const choice = page.getByLabel('Seating plan', { exact: true });
  const option = choice.locator('option', { hasText: '582 seats' });
  await choice.selectOption((await option.getAttribute('value')) ?? '');
  const prices = page.getByRole('group', { name: 'Price of a seat' }).getByRole('textbox');
  await expect(prices.first()).toBeVisible();
  await page.getByRole('button', { name: 'Add the date' }).click();
  await expect(prices.first()).toBeFocused();
  const fields = await prices.all();
  expect(fields.length).toBeGreaterThan(1);
  for (const [index, field] of fields.entries()) await field.fill(`${20 + index}.50`);
  await expect(page.getByText('€20.50 ·')).toBeVisible();
  await page.getByRole('button', { name: 'Add the date' }).click();
  await expect(page.getByText('0 of 582 sold')).toBeVisible();
  const { items } = await call<{ items: { prices: Record<string, { amount: number }> }[] }>(
    server,
    'GET',
    `/events/${id}/performances`,
  );
  const amounts = Object.values(items[0]?.prices ?? {}).map(({ amount }) => amount);
  expect(amounts.sort()).toEqual(fields.map((_, index) => 2_050 + 100 * index));
});

test('an order is found by its buyer’s name, and the way back leads to the list', async ({
  page,
}) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Finding' });
  const { order, codes } = await bought(server, performance, [1, 2], 'Seo-yeon Lee');
  await bought(server, performance, [3], 'Kim Min-ji');
  await asOrganizer(page, own.server, '/manage/orders');
  const event = page.getByLabel('Event', { exact: true });
  await event.selectOption('Finding');
  const rows = page.getByRole('region', { name: 'Find orders' }).getByRole('listitem');
  await expect(rows).toHaveCount(2);
  await expect(page.getByText('2 orders found').first()).toBeVisible();
  const query = page.getByRole('searchbox');
  await query.fill('seo-yeon');
  await expect(rows).toHaveCount(1);
  await expect(rows).toContainText('A-1 and A-2');
  await query.fill(codes[0] ?? '');
  await expect(rows).toContainText('Seo-yeon Lee');
  await expectNoViolation(page, 'orders that were found');
  await page.getByLabel('Status').selectOption('Refunded');
  await expect(page.getByText('No order fits what you look for.').first()).toBeVisible();
  await expectNoViolation(page, 'no orders');
  await page.getByLabel('Status').selectOption('Paid');
  await query.fill('lee');
  await rows.getByRole('link').click();
  await expect(page).toHaveURL(new RegExp(`#/manage/orders/${order.id}\\?`));
  await expect(page.getByRole('heading', { name: 'Finding' })).toBeVisible();
  await page.getByRole('link', { name: 'To the list of orders' }).click();
  await expect(query).toHaveValue('lee');
  await expect(event.locator('option:checked')).toHaveText('Finding');
  await expect(rows).toHaveCount(1);
});

test('events come page by page, and those of others not at all', async ({ page }) => {
  const { server } = own;
  const other = { email: 'other@example.com', password: 'a password for tests' };
  const create = ['account', 'create', '--email', other.email, '--role', 'organizer'];
  await server.run([...create, '--password-stdin'], other.password);
  const token = await logIn(server, other);
  for (let count = 1; count <= 11; count += 1)
    await call(server, 'POST', '/events', { token, body: { title: `Theirs ${count}` } });
  const { event, performance } = await perform(server, { title: 'Not theirs' });
  await asOrganizer(page, { url: server.url, organizer: other }, '/manage');
  const rows = page.getByRole('article');
  await expect(rows).toHaveCount(10);
  await expect(rows.first()).toContainText('No dates yet: buyers find nothing to choose.');
  await page.getByRole('button', { name: 'Show more' }).click();
  await expect(rows).toHaveCount(11);
  await expect(page.getByRole('article', { name: 'Not theirs' })).toHaveCount(0);
  for (const path of [`events/${event}`, `performances/${performance}`]) {
    await page.goto(`${server.url}/#/manage/${path}`);
    await expect(page.getByRole('alert')).toContainText('This account may not do that');
  }
});

test.describe('on a phone, in Korean', () => {
  test.use({ viewport: { width: 360, height: 740 }, locale: 'ko-KR', hasTouch: true });

  test('everything fits and can be used', async ({ page }) => {
    const { server } = own;
    const settings = { waiting_room: { mode: 'on' } };
    const areas = [{ label: '스탠딩', capacity: 20 }];
    const { event, performance } = await perform(server, { title: '겨울 공연', settings, areas });
    await asOrganizer(page, server, '/manage');
    for (const [path, ready] of [
      ['', 'article'],
      ['/events/new', '#title'],
      [`/events/${event}`, '#admit_per_second'],
      [`/performances/${performance}`, 'canvas[data-ready]'],
      ['/orders', '#query'],
    ] as const) {
      await page.goto(`${server.url}/#/manage${path}`);
      await expect(page.locator(ready).first()).toBeVisible();
      const wide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(wide, `${path} is as wide as the phone`).toBeLessThanOrEqual(0);
      await expectNoViolation(page, `${path} on a phone`);
    }
    await page.goto(`${server.url}/#/manage/performances/${performance}`);
    await page.getByRole('button', { name: '목록', exact: true }).tap();
    await page.getByRole('checkbox', { name: 'B열 전체' }).tap();
    await page.getByRole('button', { name: '제외하거나 다시 판매' }).tap();
    await expect(page.getByRole('heading', { name: '고른 좌석' })).toBeFocused();
    await page.getByRole('button', { name: '3석 판매 제외' }).tap();
    await expect(page.getByText('3석을 판매에서 제외했습니다.').first()).toBeVisible();
    expect(await stats(server, performance)).toMatchObject({ blocked: 3 });
  });
});
