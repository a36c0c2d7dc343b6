import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { LOAD_WITHIN_MS, type StripeJs, stripeJs, within } from './stripe-js';

const stripe = {} as StripeJs;
const factory = vi.fn(() => stripe);
let scripts: HTMLScriptElement[];
let forms = 0;
/** Another address in each test, because what has been loaded stays. */
const form = () => ({ script_url: `https://js.example/${(forms += 1)}`, publishable_key: 'pk_1' });

beforeEach(() => {
  scripts = [];
  vi.spyOn(document.head, 'append').mockImplementation((...nodes) => {
    scripts.push(...(nodes as HTMLScriptElement[]));
  });
});
afterEach(() => {
  vi.useRealTimers();
  Reflect.deleteProperty(window, 'Stripe');
});

function arrives(): void {
  Object.assign(window, { Stripe: factory });
  scripts.at(-1)?.dispatchEvent(new Event('load'));
}

describe('the script', () => {
  it('is loaded once, and made for the seller and the language each time', async () => {
    const here = form();
    const first = stripeJs(here, 'ko');
    arrives();
    expect(await first).toBe(stripe);
    await stripeJs(here, 'en');
    expect(scripts.map(({ src }) => src)).toEqual([here.script_url]);
    expect(factory.mock.calls).toEqual([
      ['pk_1', { locale: 'ko' }],
      ['pk_1', { locale: 'en' }],
    ]);
  });

  it('is asked for again after it did not come', async () => {
    const here = form();
    const first = stripeJs(here, 'en');
    scripts[0]?.dispatchEvent(new Event('error'));
    await expect(first).rejects.toMatchObject({ code: 'card_form_unavailable' });
    const second = stripeJs(here, 'en');
    arrives();
    expect(await second).toBe(stripe);
    expect(scripts).toHaveLength(2);
  });

  it('is given up when it is late, and when it is another one', async () => {
    vi.useFakeTimers();
    const late = expect(stripeJs(form(), 'en')).rejects.toMatchObject({
      code: 'card_form_unavailable',
    });
    await vi.advanceTimersByTimeAsync(LOAD_WITHIN_MS);
    await late;
    const other = stripeJs(form(), 'en');
    scripts.at(-1)?.dispatchEvent(new Event('load'));
    await expect(other).rejects.toMatchObject({ code: 'card_form_unavailable' });
  });
});

describe('an answer of the script', () => {
  it('comes, fails, or is given up', async () => {
    vi.useFakeTimers();
    await expect(within(1_000, Promise.resolve('it'))).resolves.toBe('it');
    await expect(within(1_000, Promise.reject(new Error('no')))).rejects.toMatchObject({
      code: 'card_form_unavailable',
    });
    const never = expect(within(1_000, new Promise(() => undefined))).rejects.toMatchObject({
      code: 'card_form_unavailable',
    });
    await vi.advanceTimersByTimeAsync(1_000);
    await never;
  });
});
