/** Buying over a network that is slow and loses things: once, not twice. */
import { orders, perform, stats } from '../support/api.ts';
import { loseFirstAnswers, worsen } from '../support/networks.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

// What the page asks for in passing may be on its way still.
test.afterEach(({ page }) => page.unrouteAll({ behavior: 'ignoreErrors' }));

const DELAY_MS = 400;
const SHARE = 0.2;
/** Several repeats in a row, each after its pause. */
const LIMIT_MS = 30_000;

for (const seed of [1, 2, 3]) {
  test(`at ${DELAY_MS} ms, with one in five lost, the purchase goes through once (${seed})`, async ({
    page,
  }) => {
    test.setTimeout(90_000);
    const { server } = own;
    const { performance } = await perform(server, { title: `Lossy ${seed}` });
    const buyer = new Buyer(page, server);
    await buyer.open();
    // From the first page on: pages that load later, pictures of seats, holding, paying.
    const losses = await worsen(page, { seed, delayMs: DELAY_MS, share: SHARE });
    await page.getByRole('link', { name: `Lossy ${seed}` }).click();
    await page.getByRole('link', { name: /^Choose seats/ }).click({ timeout: LIMIT_MS });
    await page.getByRole('button', { name: 'List', exact: true }).click({ timeout: LIMIT_MS });
    await buyer.seat(1).click();
    await buyer.seat(2).click();
    await page.getByRole('button', { name: 'Hold 2 seats', exact: true }).click();
    await page.getByLabel('Name', { exact: true }).fill('Kim Min-ji', { timeout: LIMIT_MS });
    await buyer.pay.click();
    await buyer.expectTickets(2, LIMIT_MS);
    console.log(`seed ${seed}: ${JSON.stringify(losses)}`);
    expect(losses.lost + losses.unheard).toBeGreaterThan(0);
    const made = await orders(server, await buyer.token());
    expect(made.map(({ status }) => status)).toEqual(['paid']);
    expect(await stats(server, performance)).toMatchObject({
      available: 7,
      held: 0,
      paying: 0,
      sold: 2,
      drift: 0,
    });
  });
}

test('answers that are lost do not hold or charge twice', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Unheard' });
  const lost = await loseFirstAnswers(page);
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await buyer.hold(1, 2);
  expect(await stats(server, performance)).toMatchObject({ held: 2 });
  await buyer.fillIn('Kim Min-ji');
  // Pressed twice, as one does when nothing seems to happen.
  await buyer.pay.dblclick();
  await buyer.expectTickets(2);
  expect(lost).toEqual(['POST guest', 'POST reservations', 'POST confirm']);
  expect(await orders(server, await buyer.token())).toHaveLength(1);
  expect(await stats(server, performance)).toMatchObject({ available: 7, held: 0, sold: 2 });
});
