/** A connection that is lost, and comes back. */
import { guest, hold, perform } from '../support/api.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve();

test('a server that goes away is shown, and what happened meanwhile too', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Away' });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await hold(server, await guest(server), performance, [1]);
  await buyer.expectSeat(1, 'held');

  await server.pause();
  const banner = page.getByText('Reconnecting…');
  await expect(banner).toBeVisible();
  // What was known stays there, and can be picked.
  await buyer.expectSeat(1, 'held');
  await buyer.seat(9).click();
  await buyer.expectSeat(9, 'picked');

  await server.restart();
  await hold(server, await guest(server), performance, [2]);
  await expect(banner).toBeHidden({ timeout: 15_000 });
  await buyer.expectSeat(2, 'held');
  await buyer.expectSeat(9, 'picked');
  await hold(server, await guest(server), performance, [3]);
  await buyer.expectSeat(3, 'held');
});

test('a browser that is offline says so, and catches up', async ({ page, context }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'Offline' });
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await context.setOffline(true);
  const banner = page.getByText('You are offline.');
  await expect(banner).toBeVisible();
  await hold(server, await guest(server), performance, [4]);
  await context.setOffline(false);
  await expect(banner).toBeHidden();
  await buyer.expectSeat(4, 'held');
  await hold(server, await guest(server), performance, [5]);
  await buyer.expectSeat(5, 'held');
});

test('a network without WebSockets sees the seats as well', async ({ page }) => {
  const { server } = own;
  const { performance } = await perform(server, { title: 'No sockets' });
  await page.routeWebSocket(/\/live/, (socket) => socket.close({ code: 1011 }));
  const buyer = new Buyer(page, server);
  await buyer.openList(performance);
  await hold(server, await guest(server), performance, [6]);
  await expect(buyer.seat(6)).toHaveAttribute('data-state', 'held', { timeout: 15_000 });
});
