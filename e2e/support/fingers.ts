/** Fingers on a screen, more than one at a time, as the browser itself gets them. */
import type { CDPSession, Page } from '@playwright/test';

export interface Point {
  x: number;
  y: number;
}

const STEPS = 12;

export class Fingers {
  readonly #client: CDPSession;

  private constructor(client: CDPSession) {
    this.#client = client;
  }

  static async on(page: Page): Promise<Fingers> {
    return new Fingers(await page.context().newCDPSession(page));
  }

  /** Puts them down one after the other, moves each along its way, and lifts them. */
  async move(...ways: readonly (readonly [from: Point, to: Point])[]): Promise<void> {
    for (let down = 1; down <= ways.length; down += 1) {
      await this.#touch(
        'touchStart',
        ways.slice(0, down).map(([from]) => from),
      );
    }
    for (let step = 1; step <= STEPS; step += 1) {
      await this.#touch(
        'touchMove',
        ways.map(([from, to]) => ({
          x: from.x + ((to.x - from.x) * step) / STEPS,
          y: from.y + ((to.y - from.y) * step) / STEPS,
        })),
      );
    }
    for (let left = ways.length - 1; left >= 0; left -= 1) {
      await this.#touch(
        'touchEnd',
        ways.slice(0, left).map(([, to]) => to),
      );
    }
  }

  async #touch(type: 'touchStart' | 'touchMove' | 'touchEnd', at: readonly Point[]): Promise<void> {
    const touchPoints = at.map(({ x, y }, id) => ({ x, y, id }));
    await this.#client.send('Input.dispatchTouchEvent', { type, touchPoints });
  }
}
