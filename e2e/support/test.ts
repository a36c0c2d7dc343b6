/** The test of Playwright with a server for each file, and the way a buyer goes. */
import { existsSync } from 'node:fs';

import { type Locator, type Page, expect, test } from '@playwright/test';

import { Server, type Settings, program } from './server.ts';

export { expect, test };

/** A server for the tests of this file; read it inside of them. Settings may have to wait for something to start. */
export function serve(settings: Settings | (() => Promise<Settings>) = {}): {
  readonly server: Server;
} {
  const missing = !existsSync(program) && process.env['CI'] !== 'true';
  test.skip(missing, `${program} is not built`);
  let server: Server | undefined;
  test.beforeAll(async () => {
    if (missing) return;
    server = await Server.start(typeof settings === 'function' ? await settings() : settings);
  });
  test.afterAll(async () => server?.stop());
  return {
    get server() {
      if (!server) throw new Error('the server is there only while tests run');
      return server;
    },
  };
}

/** A buyer in front of a page. */
export class Buyer {
  constructor(
    readonly page: Page,
    readonly server: Server,
  ) {}

  async open(path = '/'): Promise<void> {
    await this.page.goto(`${this.server.url}/#${path}`);
  }

  /** Opens a performance with its seats as a list, every row of which is open. */
  async openList(performance: string): Promise<void> {
    await this.open(`/performances/${performance}`);
    await this.page.getByRole('button', { name: 'List', exact: true }).click();
    await expect(this.seat(1)).toBeVisible();
  }

  seat(id: number): Locator {
    return this.page.locator(`button[data-seat="${id}"]`);
  }

  async expectSeat(id: number, state: string): Promise<void> {
    await expect(this.seat(id)).toHaveAttribute('data-state', state);
  }

  /** Holds seats from the list; ends on the page that asks for the details. */
  async hold(...ids: readonly number[]): Promise<void> {
    for (const id of ids) await this.seat(id).click();
    await this.page.getByRole('button', { name: /^Hold \d+ seats?$/ }).click();
    await this.expectDetails();
  }

  async expectDetails(): Promise<void> {
    await expect(this.page).toHaveURL(/#\/reservations\/[0-9a-f-]{36}$/);
    await expect(this.page.getByRole('heading', { name: 'Your details' })).toBeVisible();
  }

  async fillIn(name: string): Promise<void> {
    await this.page.getByLabel('Name', { exact: true }).fill(name);
  }

  get pay(): Locator {
    return this.page.getByRole('button', { name: /^Pay ₩/ });
  }

  async expectTickets(count: number, limitMs = 8_000): Promise<void> {
    const heading = this.page.getByRole('heading', { name: 'You are going!' });
    await expect(heading).toBeVisible({ timeout: limitMs });
    const tickets = this.page.getByRole('region', { name: 'Tickets' }).getByRole('listitem');
    await expect(tickets).toHaveCount(count);
  }

  /** The token with which the pages of this browser buy. */
  async token(): Promise<string> {
    const stored = await this.page.evaluate(() => localStorage.getItem('onsale.session'));
    const { account, guest } = JSON.parse(stored ?? '{}') as {
      account?: { access: string };
      guest?: { access: string };
    };
    const token = account?.access ?? guest?.access;
    if (!token) throw new Error('nobody is buying in this browser');
    return token;
  }
}
