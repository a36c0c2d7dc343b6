/**
 * Stripe's script: the part of it that is used here, and how it gets onto the page.
 *
 * Invariants: it is loaded when somebody wants to pay by card and not before, once; loading has an end; a failed load
 * leaves nothing behind and can be tried again.
 */
import { Problem } from '$lib/api/problems';

/** What Stripe says when something did not work; its message is in the language that it was given. */
export interface StripeError {
  type?: string;
  code?: string;
  decline_code?: string;
  message?: string;
}

export interface StripeElement {
  mount(place: HTMLElement): void;
  destroy(): void;
  on(event: 'ready' | 'loaderror', heard: () => void): void;
}

export interface StripeElements {
  create(type: 'payment', options: object): StripeElement;
  submit(): Promise<{ error?: StripeError }>;
}

export interface StripeJs {
  elements(options: object): StripeElements;
  createPaymentMethod(options: {
    elements: StripeElements;
    params: object;
  }): Promise<{ error?: StripeError; paymentMethod?: { id: string } }>;
  handleNextAction(options: { clientSecret: string }): Promise<{ error?: StripeError }>;
}

type Factory = (key: string, options: { locale: string }) => StripeJs;

export const LOAD_WITHIN_MS = 20_000;

let loading: { url: string; factory: Promise<Factory> } | undefined;

export const unavailable = (cause?: unknown) =>
  new Problem({ status: 0, code: 'card_form_unavailable' }, { cause });

function load(url: string): Promise<Factory> {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    const fail = (cause: unknown) => {
      clearTimeout(late);
      script.remove();
      reject(unavailable(cause));
    };
    const late = setTimeout(() => fail(new Error('the script is late')), LOAD_WITHIN_MS);
    script.addEventListener('error', () => fail(new Error('the script did not load')));
    script.addEventListener('load', () => {
      const factory = (window as { Stripe?: Factory }).Stripe;
      if (!factory) return fail(new Error('the script is another one'));
      clearTimeout(late);
      resolve(factory);
    });
    script.async = true;
    script.src = url;
    document.head.append(script);
  });
}

/** Stripe, as this seller and in this language. */
export async function stripeJs(
  form: { script_url: string; publishable_key: string },
  locale: string,
): Promise<StripeJs> {
  if (loading?.url !== form.script_url) {
    const attempt = { url: form.script_url, factory: load(form.script_url) };
    loading = attempt;
    attempt.factory.catch(() => {
      if (loading === attempt) loading = undefined;
    });
  }
  const factory = await loading.factory;
  return factory(form.publishable_key, { locale });
}

/** An answer of Stripe's script, which comes or is given up. */
export function within<T>(limitMs: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(unavailable(new Error('no answer in time'))), limitMs);
    answer
      .then(resolve, (error: unknown) => reject(unavailable(error)))
      .finally(() => {
        clearTimeout(late);
      });
  });
}
