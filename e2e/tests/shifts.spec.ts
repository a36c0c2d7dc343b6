/** Nothing jumps on the page where one chooses seats. */
import { guest, hold, perform } from '../support/api.ts';
import { SeatMap } from '../support/maps.ts';
import { shiftsOf, watchShifts } from '../support/shifts.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

/** A tenth is what browsers' makers call good. */
const MOST = 0.02;
/** A click excuses what follows within half a second; what others do is waited for beyond that. */
const EXCUSED_MS = 600;

const screens = {
  desktop: { width: 1440, height: 900 },
  phone: { width: 360, height: 740 },
};

for (const [screen, viewport] of Object.entries(screens)) {
  test(`loading, picking, losing and holding, on a ${screen}`, async ({ browser }) => {
    const { server } = own;
    const areas = [{ label: 'Standing', capacity: 20, price: { amount: 30_000, currency: 'KRW' } }];
    const { performance } = await perform(server, { title: 'Steady', rows: 6, columns: 8, areas });
    const map = await browser.newContext({ viewport });
    const page = await map.newPage();
    await watchShifts(page);
    const buyer = new Buyer(page, server);
    const steady = async (when: string) => {
      await page.waitForTimeout(EXCUSED_MS);
      const { total, by } = await shiftsOf(page);
      expect(total, `${when}: ${by.join('; ')}`).toBeLessThanOrEqual(MOST);
    };
    await buyer.open(`/performances/${performance}`);
    const seats = await SeatMap.of(page, server, performance);
    await expect(seats.canvas).toBeVisible();
    await steady('loaded');
    await page.getByRole('button', { name: 'List', exact: true }).click();
    await buyer.seat(5).click();
    await buyer.seat(6).click();
    await steady('picked');
    await hold(server, await guest(server), performance, [5, 30]);
    await expect(page.getByRole('button', { name: /^Take .* instead/ })).toBeVisible();
    await steady('lost');
    await page.getByRole('button', { name: /^Take .* instead/ }).click();
    await page.getByRole('button', { name: 'Hold 2 seats', exact: true }).click();
    await buyer.expectDetails();
    await steady('held');
    await page.goBack();
    await expect(page.getByText('You are holding 2 seats here.')).toBeVisible();
    await steady('back');
    await map.close();
  });
}
