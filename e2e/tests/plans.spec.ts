/** What organizers do with seating plans: draw one, by keyboard or by pointer, and bring one along in a file. */
import { type Locator, type Page, expect } from '@playwright/test';

import type { components } from '../../web/src/lib/api/schema.d.ts';
import { call, logIn } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { asOrganizer as logInAs } from '../support/organizers.ts';
import { plans } from '../support/server.ts';
import { serve, test } from '../support/test.ts';

type Schemas = components['schemas'];
type Seat = Schemas['PlanSeat'];

const own = serve();

const asOrganizer = (page: Page, path: string) => logInAs(page, own.server, path);

/** Goes on with the Tab key until something has the focus. */
async function tabTo(page: Page, to: Locator, key = 'Tab'): Promise<void> {
  for (let pressed = 0; pressed < 80; pressed += 1) {
    if (await to.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`the Tab key does not lead to ${to.toString()}`);
}

/** As `tabTo`, the other way. */
async function backTo(page: Page, to: Locator): Promise<void> {
  await tabTo(page, to, 'Shift+Tab');
}

async function typeInto(page: Page, field: Locator, value: string): Promise<void> {
  await tabTo(page, field);
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(value);
}

async function saved(name: string): Promise<Schemas['SeatingPlan']> {
  const listed = await call<{ items: Schemas['SeatingPlan'][] }>(
    own.server,
    'GET',
    '/seating-plans',
  );
  const found = listed.items.filter((plan) => plan.name === name);
  expect(found, `plans called ${name}`).toHaveLength(1);
  return found[0] as Schemas['SeatingPlan'];
}

/** The layout that buyers get of a performance with a plan. */
async function performed(plan: string, prices: string[]): Promise<Schemas['PerformancePlan']> {
  const { server } = own;
  const token = await logIn(server);
  const event = await call<Schemas['Event']>(server, 'POST', '/events', {
    token,
    body: { title: 'With a plan', settings: {} },
  });
  const performance = await call<Schemas['Performance']>(
    server,
    'POST',
    `/events/${event.id}/performances`,
    {
      token,
      body: {
        starts_at: new Date(Date.now() + 30 * 24 * 3_600_000).toISOString(),
        plan: { plan_id: plan },
        prices: Object.fromEntries(
          prices.map((category) => [category, { amount: 50_000, currency: 'KRW' }]),
        ),
      },
    },
  );
  return call(server, 'GET', `/performances/${performance.id}/plan`);
}

const seatsOf = (plan: Schemas['PerformancePlan']): Seat[] =>
  plan.sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats));

test('a plan is drawn by keyboard alone, and its seats can be sold', async ({ page }) => {
  // Three states are looked at by axe on the way, light and dark, and every key is pressed for itself.
  test.setTimeout(60_000);
  await asOrganizer(page, '/manage/plans');
  await expectNoViolation(page, 'no plans or some');
  const press = async (to: Locator, key = 'Enter') => {
    await tabTo(page, to);
    await page.keyboard.press(key);
  };
  const button = (name: string | RegExp) => page.getByRole('button', { name });
  await press(page.getByRole('link', { name: 'New plan' }));
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('New seating plan');
  await expectNoViolation(page, 'what to begin with');
  await press(button(/^Empty plan/));
  const name = page.getByLabel('Name of the plan');
  await expect(name).toBeFocused();

  // Saving says what is missing instead of sending it.
  await press(button('Save the plan').first());
  await expect(page.getByRole('alert')).toContainText('The plan has no name.');
  await expect(page.getByRole('alert')).toContainText('There is not one seat on the plan.');
  await page.keyboard.press('Shift+Tab');
  await expect(name).toBeFocused();
  await page.keyboard.type('Small hall');

  await press(button('Stage'));
  await expect(page.getByRole('heading', { level: 2, name: 'STAGE' })).toBeFocused();
  await backTo(page, button('Block of seats'));
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { level: 2, name: 'Block 1' })).toBeFocused();

  await typeInto(page, page.getByLabel('Name of the block'), 'Stalls');
  await typeInto(page, page.getByLabel('Rows', { exact: true }).first(), '3');
  await typeInto(page, page.getByLabel('Front-row seats'), '4');
  await typeInto(page, page.getByLabel('More per row'), '2');
  await tabTo(page, page.getByLabel('Curve'));
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('PageUp');
  await typeInto(page, page.getByLabel('Aisles after seats'), '2');
  await press(page.getByText('Position', { exact: true }));
  await typeInto(page, page.getByLabel('Rotation'), '10');
  await press(page.getByText('Row names', { exact: true }));
  await typeInto(page, page.getByLabel('First name', { exact: true }), 'C');
  await press(page.getByText('Seat numbers', { exact: true }));
  await tabTo(page, page.getByLabel('Counted'));
  await page.keyboard.type('from the middle');
  await expect(page.getByText('Front row: C-3 C-1 C-2 C-4').first()).toBeVisible();

  // The second seat of the middle row becomes a wheelchair space, the one beside it its companion's.
  await press(page.getByText('Single seats', { exact: true }));
  await press(button('Row D, 6 seats'));
  await tabTo(page, button('Seat D-5'));
  await page.keyboard.press('ArrowRight');
  await expect(button('Seat D-3')).toBeFocused();
  await page.keyboard.press('Space');
  await expect(button('D-3: Wheelchair space')).toHaveAttribute('aria-pressed', 'true');
  await expectNoViolation(page, 'a block with its seats');
  await backTo(page, page.getByRole('radio', { name: 'Wheelchair space' }));
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('radio', { name: 'Companion seat' })).toBeChecked();
  await tabTo(page, button('D-3: Wheelchair space'));
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Space');
  await expect(button('D-5: Companion seat')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByText('1 wheelchair space, 1 companion seat')).toBeVisible();

  // A seat too many is taken back.
  await page.keyboard.press('End');
  await page.keyboard.press('Space');
  await expect(page.getByText('1 wheelchair space, 2 companion seats')).toBeVisible();
  await page.keyboard.press('ControlOrMeta+z');
  await expect(page.getByText('1 wheelchair space, 1 companion seat')).toBeVisible();

  // On the drawing the arrow keys move what is chosen.
  const drawing = page.getByRole('application', { name: 'Drawing of Small hall, 18 seats' });
  const across = page.getByLabel('Across');
  const before = Number(await across.inputValue());
  await backTo(page, drawing);
  await expect(drawing).toBeFocused();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await expect(across).toHaveValue(String(before + 6));

  await tabTo(page, page.getByLabel('Name of category 1'));
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type('Seated');
  await press(button('Save the plan').last());
  await expect(page.getByText('“Small hall” is saved')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Create a performance' })).toHaveAttribute(
    'href',
    '#/manage',
  );
  await expect(page.getByRole('listitem').filter({ hasText: 'Small hall' })).toContainText(
    '18 seats, 1 drawn area',
  );

  const { id, seat_count } = await saved('Small hall');
  expect(seat_count).toBe(18);
  const plan = await performed(id, ['Seated']);
  const seats = seatsOf(plan);
  expect(plan.sections.map(({ label }) => label)).toEqual(['Stalls']);
  expect(seats.map(({ label }) => label)).toEqual([
    ...['C-3', 'C-1', 'C-2', 'C-4'],
    ...['D-5', 'D-3', 'D-1', 'D-2', 'D-4', 'D-6'],
    ...['E-7', 'E-5', 'E-3', 'E-1', 'E-2', 'E-4', 'E-6', 'E-8'],
  ]);
  expect(new Set(seats.map(({ category }) => category))).toEqual(new Set(['Seated']));
  expect(seats.filter((seat) => seat.accessible).map(({ label }) => label)).toEqual(['D-3']);
  expect(seats.filter((seat) => seat.companion).map(({ label }) => label)).toEqual(['D-5']);
});

test('blocks are moved, turned and marked on the drawing, and the draft outlives a reload', async ({
  page,
}) => {
  await asOrganizer(page, '/manage/plans/new');
  await page.getByRole('button', { name: /^Three by three/ }).click();
  const canvas = page.locator('canvas[data-ready]');
  await expect(canvas).toBeVisible();
  const at = async (x: number, y: number) => {
    const box = await canvas.boundingBox();
    const [left = 0, top = 0, k = 1] = ((await canvas.getAttribute('data-transform')) ?? '')
      .split(',')
      .map(Number);
    if (!box) throw new Error('the drawing is not there');
    return { x: box.x + left + x * k, y: box.y + top + y * k };
  };
  const drag = async (from: { x: number; y: number }, to: { x: number; y: number }) => {
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 6 });
    await page.mouse.up();
  };
  await page.getByText('Position', { exact: true }).click();
  const value = (label: string) => page.getByLabel(label, { exact: true });
  await drag(await at(0, 0), await at(80, 60));
  await expect(value('Across')).toHaveValue('80');
  await expect(value('Down')).toHaveValue('60');
  await page.getByRole('button', { name: 'Undo' }).click();
  await expect(value('Across')).toHaveValue('0');
  await expect(value('Down')).toHaveValue('0');
  await page.getByRole('button', { name: 'Redo' }).click();
  await expect(value('Across')).toHaveValue('80');

  // The round handle above the block, dragged to its right, turns it by a quarter.
  const top = await at(80, 60 - 16);
  const middle = await at(80, 60 + 32);
  const reach = middle.y - top.y + 30;
  await drag({ x: top.x, y: top.y - 30 }, { x: middle.x + reach, y: middle.y });
  await expect(value('Rotation')).toHaveValue('90');
  await page.keyboard.press('ControlOrMeta+z');
  await expect(value('Rotation')).toHaveValue('0');

  await page.getByText('Mark', { exact: true }).click();
  await page.getByTitle('Taken out').first().click();
  const total = page.locator('[data-total]');
  const seat = await at(80, 60);
  await page.mouse.click(seat.x, seat.y);
  await expect(total).toHaveAttribute('data-total', '8');
  await page.mouse.click(seat.x, seat.y);
  await expect(total).toHaveAttribute('data-total', '9');
  await page.mouse.click(seat.x, seat.y);

  // A copy in the same place has its seats on top of the others.
  await page.getByRole('button', { name: 'Duplicate' }).click();
  await page.getByText('Position', { exact: true }).waitFor();
  await value('Across').fill('85');
  await expect(
    page.getByText('Block Hall and Block Hall (copy) have seats on top of each other.'),
  ).toBeVisible();
  await expectNoViolation(page, 'marking seats, and blocks that overlap');
  await page.getByRole('button', { name: 'Delete' }).click();
  await expect(page.getByText('have seats on top of each other')).toHaveCount(0);

  await page.getByLabel('Name of the plan').fill('Kept');
  await page.reload();
  await expect(page.getByText('“Kept”, 8 seats, last changed on')).toBeVisible();
  await page.getByRole('button', { name: /^Hall with two aisles/ }).click();
  const question = page.getByRole('dialog', { name: 'Discard the draft?' });
  await expectNoViolation(page, 'whether to discard the draft');
  await question.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByLabel('Name of the plan')).toHaveValue('Kept');

  // What is downloaded can be opened again.
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download as JSON' }).click();
  const file = await downloading;
  expect(file.suggestedFilename()).toBe('kept.json');
  const path = await file.path();
  await page.goto(`${own.server.url}/#/manage/plans`);
  await page.getByRole('button', { name: 'Import a file' }).click();
  await page.getByLabel('Choose a file').last().setInputFiles(path);
  await page.getByRole('button', { name: 'Open in the editor' }).click();
  await expect(page.getByLabel('Name of the plan')).toHaveValue('Kept');
  await expect(total).toHaveAttribute('data-total', '8');
});

test('a plan comes from a file, and what is wrong with one is said', async ({ page }) => {
  await asOrganizer(page, '/manage/plans');
  await page.getByRole('button', { name: 'Import a file' }).click();
  await expect(page.getByRole('heading', { name: 'Import a file' })).toBeFocused();
  const file = page.locator('input[type=file]');
  const give = (name: string, text: string) =>
    file.setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) });
  let sent = 0;
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/seating-plans')) sent += 1;
  });

  await give('notes.txt', 'seats, seats, seats');
  await expect(page.getByRole('alert')).toContainText('“notes.txt” is not JSON.');
  await give('other.json', '{"rows":3}');
  await expect(page.getByRole('alert')).toContainText('not a seating plan');
  // This one is dropped, and made in the page: it would take long to get there.
  await page.getByRole('group', { name: 'Choose a file' }).evaluate((field) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([new Uint8Array(16 * 1024 * 1024 + 1)], 'huge.json'));
    field.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  });
  await expect(page.getByRole('alert')).toContainText(
    'is 16.1 MiB; a plan may have at most 16 MiB',
  );
  await expectNoViolation(page, 'a file that cannot be read');
  expect(sent).toBe(0);

  const seat = (seat_guid: string, category: string, x: number) => ({
    seat_guid,
    seat_number: '7',
    category,
    position: { x, y: 0 },
  });
  const bad = {
    name: 'Spoilt',
    categories: [{ name: 'Standard', color: '#336699' }],
    zones: [
      {
        name: 'Stalls',
        rows: [{ row_number: 'D', seats: [seat('g', 'Standard', 0), seat('g', 'Gold', 20)] }],
      },
    ],
  };
  await give('bad.json', JSON.stringify(bad));
  await expect(page.getByRole('heading', { name: 'Preview of “Spoilt”' })).toBeFocused();
  await page.getByRole('button', { name: 'Import this plan' }).click();
  await expect(page.getByRole('alert')).toContainText('2 things have to be mended');
  const errors = page.getByRole('list', { name: 'What has to be mended' }).getByRole('listitem');
  await expect(errors).toHaveCount(2);
  await expect(errors.nth(0)).toContainText('Zone “Stalls”, row “D”, seat “7”, seat guid');
  await expect(errors.nth(0)).toContainText('"g" is that of another seat, too');
  await expect(errors.nth(1)).toContainText('the category "Gold" is not in the list of categories');
  await expectNoViolation(page, 'a file that was refused');
  expect(sent).toBe(1);

  await file.setInputFiles(plans.theatre);
  await expect(page.getByRole('heading', { name: /^Preview of/ })).toBeFocused();
  await expect(page.getByRole('img', { name: /^Drawing of the plan, \d+ seats$/ })).toBeVisible();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expectNoViolation(page, 'a file before it is sent');
  // Two clicks are one plan, also where the first answer is lost.
  let lost = false;
  await page.route('**/api/v1/seating-plans', async (route) => {
    if (route.request().method() !== 'POST' || lost) return route.continue();
    lost = true;
    await route.fetch();
    await route.abort('connectionreset');
  });
  await page.getByRole('button', { name: 'Import this plan' }).dblclick();
  await expect(page.getByText(/^“.+” is saved$/)).toBeVisible();
  const name = ((await page.getByText(/^“.+” is saved$/).textContent()) ?? '').slice(1, -10);
  const { seat_count } = await saved(name);
  expect(seat_count).toBeGreaterThan(100);
  await expectNoViolation(page, 'a plan that was imported');
});
