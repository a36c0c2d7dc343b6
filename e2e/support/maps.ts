/** Where the seats are on the map of a page. */
import { type Locator, type Page, expect } from '@playwright/test';

import type { components } from '../../web/src/lib/api/schema.d.ts';
import { call } from './api.ts';
import type { Server } from './server.ts';

interface Seat {
  id: number;
  x: number;
  y: number;
}

export class SeatMap {
  readonly canvas: Locator;

  private constructor(
    page: Page,
    readonly seats: ReadonlyMap<number, Seat>,
    /** The shortest way between two neighbours of a row, in units of the plan. */
    readonly pitch: number,
  ) {
    this.canvas = page.locator('canvas[data-ready]');
  }

  static async of(page: Page, server: Server, performance: string): Promise<SeatMap> {
    const plan = await call<components['schemas']['PerformancePlan']>(
      server,
      'GET',
      `/performances/${performance}/plan`,
    );
    const rows = plan.sections.flatMap(({ rows }) => rows.map(({ seats }) => seats));
    const gaps = rows.flatMap((row) =>
      row.slice(1).map(({ x, y }, before) => {
        const left = row[before];
        return left ? Math.hypot(x - left.x, y - left.y) : Infinity;
      }),
    );
    const seats = new Map(rows.flat().map((seat) => [seat.id, seat]));
    return new SeatMap(page, seats, Math.min(...gaps));
  }

  /** How far neighbours are apart on the screen, in CSS pixels. */
  async spacing(): Promise<number> {
    return this.pitch * (await this.#view()).k;
  }

  /** Where a seat is, in CSS pixels from the corner of the window; the map must be in view. */
  async at(id: number): Promise<{ x: number; y: number }> {
    const seat = this.seats.get(id);
    const box = await this.canvas.boundingBox();
    if (!seat || !box) throw new Error(`seat ${id} is not on the map`);
    const { x, y, k } = await this.#view();
    return { x: box.x + seat.x * k + x, y: box.y + seat.y * k + y };
  }

  async expectSpacing(leastPx: number): Promise<void> {
    await expect.poll(() => this.spacing()).toBeGreaterThanOrEqual(leastPx);
  }

  async #view(): Promise<{ x: number; y: number; k: number }> {
    const [x = 0, y = 0, k = 1] = ((await this.canvas.getAttribute('data-transform')) ?? '')
      .split(',')
      .map(Number);
    return { x, y, k };
  }
}

/** Lets a page see some seats of a plan as spaces for wheelchairs, and others as kept for companions. */
export async function keepSpaces(
  page: Page,
  accessible: readonly number[],
  companion: readonly number[],
): Promise<void> {
  await page.route('**/api/v1/performances/*/plan', async (route) => {
    const response = await route.fetch();
    const plan = (await response.json()) as components['schemas']['PerformancePlan'];
    for (const seat of plan.sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats))) {
      if (accessible.includes(seat.id)) Object.assign(seat, { accessible: true });
      if (companion.includes(seat.id)) Object.assign(seat, { companion: true });
    }
    await route.fulfill({ response, json: plan });
  });
}
