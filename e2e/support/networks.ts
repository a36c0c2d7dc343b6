/**
 * A bad network: slow, and losing some requests on their way there and some answers on their way back.
 *
 * Invariant: which ones are lost depends on the seed and their order alone.
 */
import type { Page, Route } from '@playwright/test';

/** The linear congruential generator of Numerical Recipes; gives [0, 1). */
function chances(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface Losses {
  requests: number;
  /** Never came to the server. */
  lost: number;
  /** The server did it and nobody heard. */
  unheard: number;
}

export async function worsen(
  page: Page,
  { seed, delayMs, share }: { seed: number; delayMs: number; share: number },
): Promise<Losses> {
  const chance = chances(seed);
  const losses: Losses = { requests: 0, lost: 0, unheard: 0 };
  await page.route('**/*', async (route: Route) => {
    losses.requests += 1;
    const [isLost, isUnheard] = [chance() < share, chance() < 0.5];
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (!isLost) return route.continue();
    if (isUnheard) {
      losses.unheard += 1;
      await route.fetch();
    } else {
      losses.lost += 1;
    }
    return route.abort('connectionreset');
  });
  return losses;
}

/** Loses the first answer to each kind of request that changes something; the server has done it. */
export async function loseFirstAnswers(page: Page): Promise<string[]> {
  const lost: string[] = [];
  await page.route('**/api/v1/**', async (route) => {
    const request = route.request();
    const kind = `${request.method()} ${new URL(request.url()).pathname.split('/').at(-1)}`;
    if (request.method() === 'GET' || lost.includes(kind)) return route.continue();
    lost.push(kind);
    await route.fetch();
    return route.abort('connectionreset');
  });
  return lost;
}
