/** Two buyers, two browsers, one seat. */
import { orders, perform } from '../support/api.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve({ ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' });

test('two race for a seat, and each sees what the other got without loading anew', async ({
  browser,
}) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'A race' });
  const [one, other] = await Promise.all(
    [0, 1].map(async () => new Buyer(await (await browser.newContext()).newPage(), server)),
  );
  if (!one || !other) throw new Error('two buyers');
  const loads = new Map<Buyer, number>();
  for (const buyer of [one, other]) {
    await buyer.openList(performance);
    buyer.page.on('load', () => loads.set(buyer, (loads.get(buyer) ?? 0) + 1));
    await buyer.seat(5).click();
    await buyer.expectSeat(5, 'picked');
  }

  // Both ask at the same moment; exactly one gets it.
  const held = (buyer: Buyer) => buyer.page.getByRole('heading', { name: 'Your details' });
  const refused = (buyer: Buyer) =>
    buyer.page.getByRole('main').getByText('was just taken by somebody else');
  const moment = Date.now() + 300;
  await Promise.all(
    [one, other].map(({ page }) =>
      page.getByRole('button', { name: 'Hold 1 seat', exact: true }).evaluate(
        (button: HTMLButtonElement, at) =>
          new Promise<void>((done) => {
            setTimeout(() => {
              button.click();
              done();
            }, at - Date.now());
          }),
        moment,
      ),
    ),
  );
  for (const buyer of [one, other]) {
    await expect(held(buyer).or(refused(buyer)).first()).toBeVisible();
  }
  const won = await held(one).isVisible();
  const [winner, loser] = won ? [one, other] : [other, one];
  await winner.expectDetails();
  await expect(refused(loser)).toBeVisible();
  await loser.expectSeat(5, 'held');

  // What the loser takes instead, the winner sees; what the winner pays, the loser sees.
  await winner.page.goBack();
  await winner.page.getByRole('button', { name: 'List', exact: true }).click();
  await winner.expectSeat(5, 'mine');
  await loser.hold(9);
  await winner.expectSeat(9, 'held');
  await loser.page.goBack();
  await loser.page.getByRole('button', { name: 'List', exact: true }).click();
  await winner.page.getByRole('link', { name: 'Continue to payment' }).click();
  await winner.fillIn('Kim Min-ji');
  await winner.pay.click();
  await winner.expectTickets(1);
  await loser.expectSeat(5, 'sold');
  await loser.expectSeat(9, 'mine');

  expect(loads.size).toBe(0);
  expect(await orders(server, await winner.token())).toHaveLength(1);
  expect(await orders(server, await loser.token())).toHaveLength(0);
});
