/** What the first view of a large house costs on the line. */
import { plans } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const own = serve();

const MOST_BYTES = 300_000;
/** Before the payload of a frame: 2 bytes, or 4 from 126 bytes on, or 10 from 64 KiB on. */
const frameBytes = (length: number) => length + (length < 126 ? 2 : length < 65_536 ? 4 : 10);

test('the first view of 10,000 seats is at most 300 KB', async ({ page, context }) => {
  const { server } = own;
  const { performance_id } = await server.seed('--plan', plans.arena, '--title', 'Arena');
  const client = await context.newCDPSession(page);
  await client.send('Network.enable');
  const urls = new Map<string, string>();
  const sizes = new Map<string, number>();
  let frames = 0;
  client.on('Network.requestWillBeSent', ({ requestId, request }) => {
    urls.set(requestId, new URL(request.url).pathname);
  });
  client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    sizes.set(requestId, encodedDataLength);
  });
  client.on('Network.webSocketFrameReceived', ({ response }) => {
    frames += frameBytes(Buffer.byteLength(response.payloadData));
  });
  const live = page.waitForEvent('websocket');
  const buyer = new Buyer(page, server);
  await buyer.open(`/performances/${performance_id}`);
  await expect(page.locator('canvas[data-ready]')).toBeVisible({ timeout: 15_000 });
  await (await live).waitForEvent('framereceived');
  await page.waitForLoadState('networkidle');

  const parts = [...sizes].map(([id, size]) => ({ path: urls.get(id) ?? id, size }));
  const total = parts.reduce((sum, { size }) => sum + size, frames);
  const kind = (of: RegExp) =>
    parts.filter(({ path }) => of.test(path)).reduce((sum, { size }) => sum + size, 0);
  console.log(
    `first view of 10,000 seats: ${total} bytes in ${parts.length} requests: ` +
      `scripts ${kind(/\.js$/)}, styles ${kind(/\.css$/)}, plan ${kind(/\/plan$/)}, ` +
      `states ${kind(/\/availability$/)}, live frames ${frames}`,
  );
  expect(kind(/\/plan$/)).toBeGreaterThan(0);
  expect(kind(/\.js$/)).toBeGreaterThan(0);
  expect(total).toBeLessThanOrEqual(MOST_BYTES);
});
