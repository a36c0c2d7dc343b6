/** The on-sale dashboard: live figures, what does not add up, figures that are old, levers, the wall screen. */
import { type Page, expect } from '@playwright/test';

import { call, crowd, guest, hold, logIn, perform } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { asOrganizer as logInAs } from '../support/organizers.ts';
import { type Sale, performance, playSale, room, sale, section } from '../support/sales.ts';
import { serve, test } from '../support/test.ts';

const own = serve();

// Axe looks at a long page in two themes, which takes its time where much else is tested.
test.describe.configure({ timeout: 90_000 });

const asOrganizer = (page: Page, path: string, organizer = own.server.organizer) =>
  logInAs(page, { url: own.server.url, organizer }, path);

/** A dashboard of a sale that is made up; it may be changed while the page looks. */
async function watch(
  page: Page,
  playing: Sale,
  settings: Record<string, unknown> = { mode: 'on' },
) {
  const { event } = await perform(own.server, {
    title: 'Winter concert',
    settings: { waiting_room: settings },
  });
  const asked = await playSale(page, event, playing);
  const path = `/manage/events/${event}/sale`;
  await asOrganizer(page, path);
  await expect(page.getByText('Live', { exact: true })).toBeVisible();
  return { event, asked, path };
}

const alarm = (page: Page) => page.getByRole('alert').filter({ hasText: 'do not add up' });
const old = (page: Page) => page.getByRole('alert').filter({ hasText: 'These figures are old.' });

test('a hold is seen within two seconds, and a pause with its reason is in the log', async ({
  page,
}) => {
  const { server } = own;
  const { event } = await perform(server, {
    title: 'Winter concert',
    settings: { waiting_room: { mode: 'on', max_inside: 1 } },
    areas: [{ label: 'Standing', capacity: 20, price: { amount: 30_000, currency: 'KRW' } }],
  });
  const free = await perform(server, { title: 'Without a room', rows: 2, columns: 5 });
  await asOrganizer(page, `/manage/events/${free.event}/sale`);
  const stock = page.getByRole('region', { name: 'Every seat accounted for' });
  await expect(stock).toContainText('Adds up: all 10 are in exactly one state.');
  await expect(page.getByText('This event has no waiting room, so nobody waits')).toBeVisible();
  const held = stock.locator('dl > div').filter({ hasText: 'Held' }).locator('dd').first();
  await expect(held).toHaveText('0');
  await hold(server, await guest(server), free.performance, [1, 2]);
  await expect(held).toHaveText('2', { timeout: 2_000 });
  await expect(stock).toContainText('Adds up');

  await page.getByRole('button', { name: 'Extend all holds' }).click();
  await page.getByLabel('Reason').fill('Cards are slow');
  await page.getByRole('dialog').getByRole('button', { name: 'Extend' }).click();
  await expect(
    page.getByText(/holds? (was|were) extended: at least 5 minutes from now\./).first(),
  ).toBeVisible();
  await page.getByRole('button', { name: 'Stop the sale now' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop the sale' }).click();
  await expect(page.getByText(/Closed since/)).toBeVisible();
  const log = page.getByRole('region', { name: 'Done by hand' });
  await expect(log.getByRole('listitem').first()).toContainText('Changed the times. Sale closes:');
  await expect(log.getByRole('listitem').nth(1)).toContainText(
    'Extended all holds to at least 5 minutes',
  );
  await expect(log.getByRole('listitem').nth(1)).toContainText('“Cards are slow”');
  await page.getByRole('button', { name: 'Open the sale now' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Open the sale' }).click();
  await expect(page.getByRole('button', { name: 'Stop the sale now' })).toBeVisible();
  await hold(server, await guest(server), free.performance, [3]);

  await crowd(server, event, 3);
  await page.goto(`${server.url}/#/manage/events/${event}/sale`);
  const people = page.getByRole('region', { name: 'People', exact: true });
  await expect(people.locator('dl > div').filter({ hasText: 'Joined' })).toContainText('3');
  await page.getByRole('button', { name: 'Pause admission' }).click();
  const question = page.getByRole('dialog', { name: 'Pause admission?' });
  await expect(page.getByLabel('Reason')).toBeFocused();
  await page.getByLabel('Reason').fill('The doors jam');
  await question.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByText('Admission is paused.', { exact: true }).first()).toBeVisible();
  await expect(page.getByText('! Paused: nobody is being called')).toBeVisible({ timeout: 2_000 });
  const entry = log.getByRole('listitem').first();
  await expect(entry).toContainText('Paused admission');
  await expect(entry).toContainText('“The doors jam”');
  await expect(entry).toContainText(server.organizer.email);
  const token = await logIn(server);
  const control = await call<{ paused: boolean }>(server, 'GET', `/events/${event}/queue/control`, {
    token,
  });
  expect(control.paused).toBe(true);

  const rate = page.getByRole('textbox', { name: 'Called a second' });
  await rate.fill('7');
  await rate.press('Enter');
  await page.getByRole('dialog').getByRole('button', { name: 'Set the rate' }).click();
  await expect(page.getByText('7 by hand; the event says 50')).toBeVisible();
  await page.getByRole('button', { name: 'Called a second: back to the event’s own, 50' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Go back' }).click();
  await expect(page.getByText('50, as the event says')).toBeVisible();
  await expect(log.getByRole('listitem').first()).toContainText(
    'Set the rate back to the event’s own',
  );
  await expectNoViolation(page, 'a real sale');
});

test('what does not add up is an alarm by word, role and window, and is not forgotten', async ({
  page,
}) => {
  const playing = sale();
  const { asked } = await watch(page, playing);
  await expect(page).toHaveTitle('On sale: Winter concert · onsale');
  await expect(alarm(page)).toHaveCount(0);
  await expectNoViolation(page, 'a sale');
  expect(asked.since[0]).toBe('');
  expect(Number(asked.since.at(-1))).toBeGreaterThan(Date.now() - 60_000);

  const [whole] = playing.performances;
  if (!whole) throw new Error('there is a performance');
  const bad = whole.sections.map((each) =>
    each.label === 'Balcony' ? { ...each, available: each.available - 1, drift: 1 } : each,
  );
  playing.performances = [performance(whole.id, bad)];
  await expect(alarm(page)).toContainText('Balcony: 1 missing', { timeout: 2_000 });
  await expect(page).toHaveTitle('⚠ 1 ALARM – On sale: Winter concert · onsale');
  const row = page.getByRole('table', { name: 'Sections' }).getByRole('row', { name: /Balcony/ });
  await expect(row).toContainText('off by +1');
  await expectNoViolation(page, 'an alarm');

  playing.performances = [whole];
  await expect(alarm(page)).toHaveCount(0);
  await expect(page.getByText(/^Balcony: 1 missing, from .+ to /)).toBeVisible();
  await expect(page).toHaveTitle('On sale: Winter concert · onsale');
  await expectNoViolation(page, 'an alarm that is over');
  await page.getByRole('button', { name: 'I have seen it' }).click();
  await expect(page.getByText('The figures did not add up for a while')).toHaveCount(0);
});

test('old figures say so, and how old they are, whether the server is silent or stuck', async ({
  page,
}) => {
  const playing = sale();
  await watch(page, playing);
  playing.silent = 0;
  await expect(old(page)).toContainText('No answer came from the server.');
  await expect(page.getByText(/^\d+ seconds old\.$/)).toBeVisible();
  await expect(page).toHaveTitle(/^⚠ OLD FIGURES – /);
  // In sight also at the levers.
  await page.getByRole('button', { name: 'Levers', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Levers' })).toBeFocused();
  await expect(page.getByText(/^\d+ seconds old\.$/)).toBeInViewport();
  await expectNoViolation(page, 'old figures');

  playing.silent = undefined;
  await expect(page.getByText('Live', { exact: true })).toBeVisible({ timeout: 12_000 });
  await expect(page).toHaveTitle('On sale: Winter concert · onsale');

  playing.stuck = true;
  await expect(old(page)).toContainText('Nothing newer came from the server.');
});

test('a silent server is not asked in a hurry', async ({ page }) => {
  const playing = sale();
  const { asked } = await watch(page, playing);
  playing.silent = 503;
  await expect(old(page)).toContainText('The service cannot answer right now.');
  const before = asked.since.length;
  await page.waitForTimeout(4_000);
  expect(asked.since.length - before).toBeLessThanOrEqual(2);
});

test('levers ask first, send what they say, and tell what became of it', async ({ page }) => {
  const playing = sale();
  const { event, asked } = await watch(page, playing);
  const dialog = page.getByRole('dialog');
  const last = () => asked.sent.at(-1);
  const control = `/events/${event}/queue/control`;

  const pause = page.getByRole('button', { name: 'Pause admission' });
  // A key that was held down too long pulls nothing.
  await pause.press('Enter');
  await expect(page.getByLabel('Reason')).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(dialog).toBeVisible();
  await expectNoViolation(page, 'a question');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(pause).toBeFocused();
  expect(asked.sent).toEqual([]);

  await pause.click();
  await page.getByLabel('Reason').fill('x'.repeat(201));
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await expect(page.getByLabel('Reason')).toBeFocused();
  await expect(page.getByLabel('Reason')).toHaveAttribute('aria-invalid', 'true');
  expect(asked.sent).toEqual([]);
  await page.getByLabel('Reason').fill('  Doors jam ');
  playing.room = { ...room, paused: true };
  await page.getByLabel('Reason').press('Enter');
  await expect(page.getByRole('button', { name: 'Resume admission' })).toBeVisible();
  expect(last()).toEqual({
    method: 'PATCH',
    path: control,
    body: { paused: true, reason: 'Doors jam' },
  });
  await expect(page.getByRole('button', { name: 'Resume admission' })).toBeFocused();

  const inside = page.getByRole('textbox', { name: 'Inside at once' });
  await inside.fill('-5');
  await inside.press('Enter');
  await expect(page.getByText('Enter a whole number from 0 to 1,000,000.')).toBeVisible();
  await inside.fill('300');
  await page.getByRole('button', { name: 'Set: Inside at once' }).click();
  await expect(dialog).toContainText('nobody is sent out');
  await dialog.getByRole('button', { name: 'Set the room' }).click();
  await expect(page.getByText('Up to 300 may be inside at once now.').first()).toBeVisible();
  expect(last()?.body).toEqual({ max_inside: 300 });

  playing.room = { ...room, status: 'closed', max_inside: 300, max_inside_by_hand: 300 };
  await page.getByRole('button', { name: 'Close the waiting room' }).click();
  await dialog.getByRole('button', { name: 'Close it' }).click();
  await expect(page.getByText('Closed: nobody can join or enter')).toBeVisible();
  expect(last()?.body).toEqual({ closed: true });
  await page.getByRole('button', { name: /^Inside at once: back/ }).click();
  await dialog.getByRole('button', { name: 'Go back' }).click();
  await expect.poll(() => last()?.body).toEqual({ max_inside: null });

  await page.getByLabel('At least, from now').selectOption('10 minutes');
  await page.getByRole('button', { name: 'Extend all holds' }).click();
  await dialog.getByRole('button', { name: 'Extend' }).click();
  await expect(
    page.getByText('225 holds were extended: at least 10 minutes from now.').first(),
  ).toBeVisible();
  expect(last()).toMatchObject({ method: 'POST', body: { by_s: 600 } });

  await page.route('**/queue/control', (route) => route.abort('connectionfailed'));
  await page.getByRole('button', { name: 'Reopen the waiting room' }).click();
  await dialog.getByRole('button', { name: 'Reopen it' }).click();
  const problem = page.getByRole('alert').filter({ hasText: 'It may have been done all the same' });
  await expect(problem).toBeVisible();
  await page.unroute('**/queue/control');
  await page.route('**/queue/control', (route) => route.fulfill({ json: {} }));
  await problem.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByText('The waiting room is open again.').first()).toBeVisible();
});

test('before the sale, without a room, without a date', async ({ page }) => {
  const opens = new Date(Date.now() + 3_725_000).toISOString();
  const times = { sale_opens_at: opens };
  const playing = sale({
    room: null,
    seconds: 0,
    refusals: {},
    performances: [performance('01a200c3-15b7-79c5-83fb-bd739444c301', [section('Stalls')], times)],
  });
  const { asked } = await watch(page, playing, { mode: 'off' });
  await expect(page.getByRole('timer')).toHaveText(/^1:0[12]:\d\d$/);
  await expect(page.getByText('This event has no waiting room, so nobody waits')).toBeVisible();
  await expect(page.getByText('there is nothing to pause, pace or close here')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Pause admission' })).toHaveCount(0);
  await expect(page.getByText('Nothing was refused.')).toBeVisible();
  await expectNoViolation(page, 'before the sale');
  await page.getByRole('button', { name: 'Open the sale now' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Open the sale' }).click();
  await expect.poll(() => asked.sent.at(-1)?.body).toEqual({ sale_opens_at: null });
  playing.performances = [];
  await expect(page.getByText('There is nothing to sell yet')).toBeVisible();
  await expectNoViolation(page, 'nothing to sell');
});

test('the sale of somebody else is not shown', async ({ page }) => {
  const { server } = own;
  const { event } = await perform(server, { title: 'Not yours' });
  const other = { email: 'other@example.com', password: 'another password' };
  await server.run(
    ['account', 'create', '--email', other.email, '--role', 'organizer', '--password-stdin'],
    other.password,
  );
  await asOrganizer(page, `/manage/events/${event}/sale`, other);
  await expect(page.getByRole('alert')).toContainText('This event is somebody else’s');
  await expectNoViolation(page, 'somebody else’s');
});

test('many dates and sections: one is chosen, the worst come first', async ({ page }) => {
  const blocks = Array.from({ length: 40 }, (_, index) =>
    section(`Block ${index + 1}`, { sold: index * 2 }),
  );
  const [first, second] = [
    '01a200c3-15b7-79c5-83fb-bd739444c301',
    '01a200c3-15b7-79c5-83fb-bd739444c302',
  ];
  const playing = sale({
    performances: [
      performance(first, blocks),
      performance(second, [section('Pit', { sold: 5 })], { starts_at: '2030-12-26T10:00:00Z' }),
    ],
  });
  const { path } = await watch(page, playing);
  await expect(page.getByRole('table', { name: 'Dates' }).getByRole('row')).toHaveCount(3);
  const rows = page.getByRole('table', { name: 'Sections' }).getByRole('row');
  await expect(rows).toHaveCount(31);
  await expect(rows.nth(1)).toContainText(/Block (39|40)/);
  await page.getByRole('button', { name: 'Show all 41' }).click();
  await expect(rows).toHaveCount(42);
  await page.getByRole('combobox', { name: 'Date', exact: true }).selectOption({ index: 2 });
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText('Pit');
  await expect(page).toHaveURL(new RegExp(`${path}\\?performance=${second}$`));
  await page.reload();
  await expect(rows.nth(1)).toContainText('Pit');
});

test('the wall screen fits, has no levers, can be kept as a bookmark and be left', async ({
  page,
}) => {
  await page.setViewportSize({ width: 1920, height: 1080 });
  const playing = sale();
  const { path } = await watch(page, playing);
  await page.getByRole('button', { name: 'Wall screen' }).click();
  await expect(page).toHaveURL(new RegExp(`${path}\\?wall$`));
  await expect(page.getByRole('button', { name: 'Leave the wall screen' })).toBeVisible();
  await page.evaluate(() => document.exitFullscreen().catch(() => undefined));
  await page.goto(`${own.server.url}/#${path}?wall`);
  await page.reload();
  await expect(page.getByText('Adds up: all 2,060')).toBeVisible();
  await expect(page.getByRole('navigation')).toHaveCount(0);
  await expect(page.getByRole('button', { name: /Pause admission|Stop the sale/ })).toHaveCount(0);
  const fits = () =>
    page.evaluate(() => {
      const { scrollHeight, scrollWidth } = document.documentElement;
      return [scrollWidth <= innerWidth, scrollHeight <= innerHeight];
    });
  expect(await fits()).toEqual([true, true]);
  await expectNoViolation(page, 'the wall screen');
  const figure = page.locator('dd').filter({ hasText: /^1,117$/ });
  expect((await figure.boundingBox())?.height).toBeGreaterThan(60);
  playing.performances = playing.performances.map((each) =>
    performance(each.id, [...each.sections, section('Box', { drift: -1 })]),
  );
  await expect(alarm(page)).toContainText('Box: 1 counted twice');
  expect(await fits()).toEqual([true, true]);
  await page.keyboard.press('Escape');
  await expect(page).toHaveURL(new RegExp(`${path}$`));
  await expect(page.getByRole('button', { name: 'Wall screen' })).toBeVisible();
});

test('a phone shows all of it without scrolling sideways', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  const { path } = await watch(page, sale());
  const width = () => page.evaluate(() => document.documentElement.scrollWidth);
  expect(await width()).toBe(360);
  const chart = page.getByRole('figure', { name: 'Sold and held' });
  await expect(chart.getByRole('img')).toHaveAccessibleName(
    /^Sold and held\. At .*: Sold [\d,]+, Held/,
  );
  await chart.getByText('As a table').click();
  await expect(chart.getByRole('rowheader', { name: '5 minutes ago', exact: true })).toBeVisible();
  await chart.getByRole('button', { name: /Available/ }).click();
  await expect(chart.getByRole('button', { name: /Available/ })).toHaveAttribute(
    'aria-pressed',
    'true',
  );
  expect(await width()).toBe(360);
  await expectNoViolation(page, 'a sale on a phone');
  await page.goto(`${own.server.url}/#${path}?wall`);
  await expect(page.getByRole('button', { name: 'Leave the wall screen' })).toBeVisible();
  expect(await width()).toBe(360);
});
