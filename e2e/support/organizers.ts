/** The organizer, in the pages and behind them. */
import { type Page, expect } from '@playwright/test';

import { call, logIn } from './api.ts';
import type { Server } from './server.ts';

/** Logs in and goes on to one of the organizers' pages. */
export async function asOrganizer(
  page: Page,
  { url, organizer }: Pick<Server, 'url' | 'organizer'>,
  path: string,
): Promise<void> {
  const { email, password } = organizer;
  await page.goto(`${url}/#/login?next=${path}`);
  await page.locator('#email').fill(email);
  await page.locator('#password').fill(password);
  await page.getByRole('main').locator('[type=submit]').click();
  await expect(page.getByRole('main').getByRole('navigation')).toBeVisible();
}

/** What was done by hand last. */
export async function lastAction(server: Server, event: string): Promise<object | undefined> {
  const token = await logIn(server);
  const path = `/events/${event}/actions`;
  return (await call<{ items: object[] }>(server, 'GET', path, { token })).items[0];
}
