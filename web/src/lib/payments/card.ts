/**
 * A card form on the page: Stripe's own, in frames of Stripe's.
 *
 * Invariant: what is typed there goes to Stripe and never through this page's hands; it gets the name that Stripe has
 * given to the card, and errors in words.
 */
import { Problem } from '$lib/api/problems';

import type { PaymentForm } from './methods';
import {
  type StripeElement,
  type StripeElements,
  type StripeError,
  type StripeJs,
  stripeJs,
  unavailable,
  within,
} from './stripe-js';

const ANSWER_WITHIN_MS = 30_000;
/** A buyer at their bank; the server ends the attempt before. */
const BUYER_WITHIN_MS = 15 * 60_000;

export interface CardLook {
  locale: string;
  dark: boolean;
  /** A variable of the theme. */
  value(name: string): string;
}

export interface CardOwner {
  name: string;
  email: string | null;
}

/** What a card or its owner's bank has said, in the words that the buyer is to read. */
function refused(error: StripeError): Problem {
  if (error.type === 'validation_error')
    return new Problem({ status: 400, code: 'card_incomplete', said: error.message });
  const isAuthentication = error.code === 'payment_intent_authentication_failure';
  return new Problem({
    status: 402,
    code: 'payment_declined',
    decline_code: isAuthentication ? 'not_authenticated' : 'declined',
    said: error.message,
  });
}

/** Whether what Stripe's script answers is about the card, and not about the way to Stripe. */
const isOfCard = ({ type }: StripeError) => type === 'card_error' || type === 'validation_error';

export class Card {
  readonly #stripe: StripeJs;
  readonly #elements: StripeElements;
  readonly #element: StripeElement;

  private constructor(stripe: StripeJs, elements: StripeElements, element: StripeElement) {
    this.#stripe = stripe;
    this.#elements = elements;
    this.#element = element;
  }

  /** Puts the form into a place; it is there, and can be typed into, when the promise is kept. */
  static async mount(
    form: PaymentForm,
    total: { amount: number; currency: string },
    place: HTMLElement,
    look: CardLook,
  ): Promise<Card> {
    const stripe = await stripeJs(form, look.locale);
    const elements = stripe.elements({
      mode: 'payment',
      amount: total.amount,
      currency: total.currency.toLowerCase(),
      paymentMethodTypes: ['card'],
      // The server says when it is paid, so that the seats are claimed before.
      paymentMethodCreation: 'manual',
      appearance: {
        theme: look.dark ? 'night' : 'stripe',
        variables: {
          colorPrimary: look.value('--color-accent'),
          colorBackground: look.value('--color-surface'),
          colorText: look.value('--color-text'),
          colorDanger: look.value('--color-bad'),
        },
      },
    });
    const element = elements.create('payment', {
      layout: 'tabs',
      wallets: { applePay: 'never', googlePay: 'never', link: 'never' },
    });
    const shown = new Promise<void>((resolve, reject) => {
      element.on('ready', resolve);
      element.on('loaderror', () => reject(new Error('the form did not load')));
    });
    element.mount(place);
    try {
      await within(ANSWER_WITHIN_MS, shown);
    } catch (error) {
      element.destroy();
      throw error;
    }
    return new Card(stripe, elements, element);
  }

  unmount(): void {
    this.#element.destroy();
  }

  /** The name that Stripe gives to the card that was typed in. Throws a `Problem`. */
  async instrument(owner: CardOwner): Promise<string> {
    const checked = await within(ANSWER_WITHIN_MS, this.#elements.submit());
    if (checked.error) throw isOfCard(checked.error) ? refused(checked.error) : unavailable();
    const billing = { name: owner.name, ...(owner.email ? { email: owner.email } : {}) };
    const made = await within(
      ANSWER_WITHIN_MS,
      this.#stripe.createPaymentMethod({
        elements: this.#elements,
        params: { billing_details: billing },
      }),
    );
    if (made.paymentMethod) return made.paymentMethod.id;
    throw made.error && isOfCard(made.error) ? refused(made.error) : unavailable(made.error);
  }
}

/** Shows the buyer what their bank wants of them. Gives what came of it, if it was nothing good. */
export async function authenticate(
  form: PaymentForm,
  clientSecret: string,
  locale: string,
): Promise<Problem | undefined> {
  try {
    const stripe = await stripeJs(form, locale);
    const { error } = await within(BUYER_WITHIN_MS, stripe.handleNextAction({ clientSecret }));
    if (!error) return undefined;
    const isOfBuyer = isOfCard(error) || error.code === 'payment_intent_authentication_failure';
    return isOfBuyer ? refused(error) : unavailable(error);
  } catch (error) {
    return error instanceof Problem ? error : unavailable(error);
  }
}
