/** What stands at a door: tickets that were bought, and a camera that looks at one. */
import { writeFileSync } from 'node:fs';

import { type Page, expect } from '@playwright/test';

import { type Order, call, guest, hold } from './api.ts';
import type { Server } from './server.ts';

/** Buys seats as somebody; gives the order and whose it is. */
export async function bought(
  server: Server,
  performance: string,
  seats: readonly number[],
  name = 'Kim Min-ji',
): Promise<{ order: Order; token: string; codes: string[] }> {
  const token = await guest(server);
  const held = await hold(server, token, performance, seats);
  const order = await call<Order>(server, 'POST', `/reservations/${held.id}/confirm`, {
    token,
    body: { payment: { method: 'simulated' }, buyer: { name } },
  });
  return { order, token, codes: order.tickets.map((ticket) => ticket.code) };
}

/** The organizer, who has logged in at the scan page. */
export async function atTheDoor(page: Page, server: Server): Promise<void> {
  await page.goto(`${server.url}/#/scan`);
  await page.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await page.getByLabel('E-mail address').fill(server.organizer.email);
  await page.getByLabel('Password').fill(server.organizer.password);
  await page.getByRole('main').getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('heading', { name: 'Scan tickets' })).toBeVisible();
}

/** The dark squares of a ticket's code, as the server draws it. */
async function modules(
  server: Server,
  code: string,
  token: string,
): Promise<{ size: number; dark: (x: number, y: number) => boolean }> {
  const response = await fetch(`${server.url}/api/v1/tickets/${code}/qr.svg`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const svg = await response.text();
  const size = Number(/viewBox="0 0 (\d+) /.exec(svg)?.[1]);
  const dark = new Set<number>();
  for (const [, x, y, length] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1/g))
    for (let run = 0; run < Number(length); run += 1) dark.add(Number(y) * size + Number(x) + run);
  if (dark.size === 0) throw new Error(`no code in ${response.status} ${svg.slice(0, 200)}`);
  return { size, dark: (x, y) => dark.has(y * size + x) };
}

const [WIDTH, HEIGHT] = [640, 480];

/** A film of one picture, in which a ticket is held before the camera: what Chromium can be given for one. */
export async function film(
  server: Server,
  code: string,
  token: string,
  file: string,
): Promise<void> {
  const { size, dark } = await modules(server, code, token);
  const scale = Math.floor((HEIGHT * 0.8) / size);
  const [left, top] = [(WIDTH - size * scale) >> 1, (HEIGHT - size * scale) >> 1];
  const light = Buffer.alloc(WIDTH * HEIGHT, 110);
  for (let y = 0; y < size * scale; y += 1)
    for (let x = 0; x < size * scale; x += 1) {
      const shade = dark(Math.floor(x / scale), Math.floor(y / scale)) ? 16 : 235;
      light[(top + y) * WIDTH + left + x] = shade;
    }
  const frame = Buffer.concat([
    Buffer.from('FRAME\n'),
    light,
    Buffer.alloc((WIDTH * HEIGHT) / 2, 128),
  ]);
  const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420\n`);
  writeFileSync(file, Buffer.concat([head, ...Array.from({ length: 10 }, () => frame)]));
}
