/** What the first view of a large house costs on the line. */
import { brotliCompressSync } from 'node:zlib';

import { plans } from '../support/server.ts';
import { Buyer, expect, serve, test } from '../support/test.ts';

const served = serve();

const MOST_BYTES = 300_000;
/** Of it, for the page itself: HTML, scripts, styles, fonts and pictures, without plan, states and frames. */
const MOST_PAGE_BYTES = 150_000;
/** Before the payload of a frame: 2 bytes, or 4 from 126 bytes on, or 10 from 64 KiB on. */
const frameBytes = (length: number) => length + (length < 126 ? 2 : length < 65_536 ? 4 : 10);

test('the first view of 10,000 seats is at most 300 KB', async ({ page, context }) => {
  const { server } = served;
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
  // The program serves its pages packed; a front that does not, for trying out pages, is measured as if it did.
  const unpacked: Promise<[path: string, saved: number]>[] = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (pathname.startsWith('/api/') || response.headers()['content-encoding']) return;
    const saved = async (): Promise<[string, number]> => {
      const body = await response.body();
      return [pathname, Math.max(0, body.length - brotliCompressSync(body).length)];
    };
    unpacked.push(saved());
  });
  const live = page.waitForEvent('websocket');
  const buyer = new Buyer(page, server);
  await buyer.open(`/performances/${performance_id}`);
  await expect(page.locator('canvas[data-ready]')).toBeVisible({ timeout: 15_000 });
  await (await live).waitForEvent('framereceived');
  await page.waitForLoadState('networkidle');

  const saved = new Map(await Promise.all(unpacked));
  const parts = [...sizes].map(([id, size]) => {
    const path = urls.get(id) ?? id;
    return { path, size: size - (saved.get(path) ?? 0) };
  });
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
  const own = kind(/^\/(?!api\/)/);
  console.log(
    `the page itself: ${own} bytes` +
      (saved.size > 0 ? `, with ${saved.size} files reckoned as packed with Brotli` : ''),
  );
  expect(kind(/^\/api\//)).toBeGreaterThan(0);
  expect(own).toBeLessThanOrEqual(MOST_PAGE_BYTES);
  expect(total).toBeLessThanOrEqual(MOST_BYTES);
});
