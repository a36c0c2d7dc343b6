/** Spaces for wheelchairs, and the seats beside them: found, told apart, and taken by those they are for. */
import { perform } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { SeatMap, keepSpaces } from '../support/maps.ts';
import { plans } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test('a wheelchair space with the seat beside it, from the list to the details', async ({
  page,
}) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Spaces' });
  await keepSpaces(page, [4], [5]);
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await expect(page.getByRole('button', { name: /^Row B/ })).toContainText(
    '1 wheelchair space free',
  );
  await page.getByRole('button', { name: 'Wheelchair spaces', exact: true }).click();
  await expect(buyer.seat(4)).toHaveAccessibleName(/^B-1, Wheelchair space,/);
  await expect(buyer.seat(5)).toHaveAccessibleName(/^B-2, Companion seat,/);
  await expect(buyer.seat(6), 'what is not looked for is not there').toHaveCount(0);

  const panel = page.getByRole('region', { name: 'Your seats' });
  await buyer.seat(5).click();
  await expect(panel).toContainText('Please pick that space as well');
  await expectNoViolation(page, 'a companion seat alone');
  await buyer.seat(4).click();
  await expect(panel).toContainText('kept for people who need them');
  await expect(panel).not.toContainText('Please pick that space as well');
  await page.getByRole('button', { name: 'Hold 2 seats' }).click();
  await buyer.expectDetails();
});

test('the map has signs and a filter for them, and the legend says what they mean', async ({
  page,
}) => {
  const { server } = own;
  const { performance_id } = await server.seed('--plan', plans.theatre, '--title', 'Theatre');
  const map = await SeatMap.of(page, server, performance_id);
  const id = [...map.seats.keys()][3] ?? 1;
  await keepSpaces(page, [id], [id + 1]);
  const buyer = new Buyer(page, server);
  await buyer.open(`/performances/${performance_id}`);
  await expect(map.canvas).toBeVisible();
  const legend = page.getByRole('list', { name: 'What the shapes mean' });
  await expect(legend).toContainText('Wheelchair space');
  await expect(legend).toContainText('Companion seat');
  const { x, y } = await map.at(id);
  await page.mouse.move(x, y);
  await expect(page.locator('.tip')).toContainText('Wheelchair space');
  await page.mouse.move(0, 0);
  const before = await map.canvas.screenshot();
  await page.getByRole('button', { name: 'Wheelchair spaces', exact: true }).click();
  await expect
    .poll(async () => before.equals(await map.canvas.screenshot()), { message: 'others step back' })
    .toBe(false);
  await expectNoViolation(page, 'a map with wheelchair spaces');
});

test('a house without them says nothing of them', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Steps' });
  await new Buyer(page, server).open(`/performances/${performance}`);
  await expect(page.locator('canvas[data-ready]')).toBeVisible();
  await expect(page.getByText(/wheelchair/i)).toHaveCount(0);
});
