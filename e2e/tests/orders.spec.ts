/** What a buyer sees of an order afterwards: the e-mail with the tickets, and money that went back. */
import { type Order, call, guest, hold, logIn, perform } from '../support/api.ts';
import { expectNoViolation } from '../support/axe.ts';
import { MailServer } from '../support/mail.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const settings = { ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE: '0' };
const mail = await MailServer.start();
const own = serve({ ...settings, ...mail.settings });
test.afterAll(() => mail.stop());

/** An order, bought in this browser by a guest who gave an address. */
async function bought(buyer: Buyer, seats: readonly number[], email: string): Promise<Order> {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Letters' });
  const token = await guest(server);
  const held = await hold(server, token, performance, seats);
  const order = await call<Order>(server, 'POST', `/reservations/${held.id}/confirm`, {
    token,
    body: { payment: { method: 'simulated' }, buyer: { name: 'Kim Min-ji', email } },
  });
  await buyer.open();
  const guestOf = { guest: { access: token, refresh: null, expiresAt: Date.now() + 3_600_000 } };
  await buyer.page.evaluate(
    (session) => localStorage.setItem('onsale.session', JSON.stringify(session)),
    guestOf,
  );
  await buyer.page.reload();
  return order;
}

test('the page says that the tickets were sent, and asks for a while before it sends again', async ({
  page,
}) => {
  const buyer = new Buyer(page, own.server);
  const order = await bought(buyer, [1], 'kim@example.com');
  await buyer.open(`/orders/${order.id}`);
  const section = page.getByRole('region', { name: 'Tickets by e-mail' });
  await expect(section).toContainText('Sent to kim@example.com on');
  expect(mail.letters.map(({ to }) => to)).toContainEqual(['kim@example.com']);
  await section.getByRole('button', { name: 'Send again' }).click();
  await expect(section).toContainText(/You can send them again in \d+ seconds?\./);
});

test('an e-mail that cannot be delivered is said, with the tickets there all the same', async ({
  page,
}) => {
  mail.refuses = true;
  const buyer = new Buyer(page, own.server);
  const order = await bought(buyer, [1], 'nobody@example.com');
  await buyer.open(`/orders/${order.id}`);
  const section = page.getByRole('region', { name: 'Tickets by e-mail' });
  await expect(section).toContainText('could not be delivered');
  await expect(page.getByRole('region', { name: 'Tickets', exact: true })).toContainText('A-1');
  mail.refuses = false;
});

test('refunds are shown seat by seat, then of the whole order', async ({ page }) => {
  const buyer = new Buyer(page, own.server);
  const order = await bought(buyer, [1, 2], 'lee@example.com');
  const organizer = await logIn(own.server);
  const refund = (body: object) =>
    call(own.server, 'POST', `/orders/${order.id}/refund`, { token: organizer, body });
  await refund({ seat_ids: [2] });
  await buyer.open(`/orders/${order.id}`);
  await expect(page.getByText('The money for A-2 has been given back: ₩50,000.')).toBeVisible();
  const receipt = page.getByRole('region', { name: 'Receipt' });
  await expect(receipt.getByRole('listitem').filter({ hasText: 'A-2' })).toContainText('Refunded');
  await expect(receipt).toContainText('−₩50,000');
  await expect(receipt).toContainText('Still paid for');
  const tickets = page.getByRole('region', { name: 'Tickets', exact: true });
  await expect(tickets.getByRole('listitem')).toHaveCount(1);

  await expectNoViolation(page, 'an order of which some is refunded');

  await refund({});
  await page.reload();
  await expect(page.getByText('The money has been given back')).toBeVisible();
  await expect(tickets).toHaveCount(0);
  await expect(page.getByRole('region', { name: 'Tickets by e-mail' })).toHaveCount(0);
  await expect(page.getByRole('button', { name: 'Save as PDF' })).toHaveCount(0);
});
