/** Numbers, money and times as the language of the pages writes them. Reading these in markup follows the language. */
import type { components } from '$lib/api/schema';

import { language, t } from './language.svelte';

export type Money = components['schemas']['Money'];

/** Decimals of a currency's minor unit: 0 for won, 2 for dollars. */
export function decimalsOf(currency: string): number {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}

export function money({ amount, currency }: Money): string {
  const format = new Intl.NumberFormat(language.locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
  });
  return format.format(amount / 10 ** decimalsOf(currency));
}

/** The lowest of several prices. */
export function fromPrice(price: Money): string {
  return price.amount === 0 ? t().common.free : t().events.from(money(price));
}

export function number(value: number): string {
  return new Intl.NumberFormat(language.locale).format(value);
}

export function list(items: readonly string[]): string {
  return new Intl.ListFormat(language.locale, { type: 'conjunction' }).format(items);
}

/** A date with its weekday, in the viewer's zone. */
export function date(at: string): string {
  return format(at, { weekday: 'short', year: 'numeric', month: 'short', day: 'numeric' });
}

export function time(at: string): string {
  return format(at, { hour: 'numeric', minute: '2-digit' });
}

export function dateTime(at: string): string {
  return format(at, {
    weekday: 'short',
    year: 'numeric',
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
  });
}

/** The parts of a date that stand on a calendar leaf. */
export function leaf(at: string): { month: string; day: string; weekday: string } {
  return {
    month: format(at, { month: 'short' }),
    day: format(at, { day: 'numeric' }).replace(/\D/g, ''),
    weekday: format(at, { weekday: 'short' }),
  };
}

/** What the viewer's zone is called, and how far it is from UTC at a time. */
export function zone(at: string): string {
  const name = (timeZoneName: 'long' | 'shortOffset') =>
    new Intl.DateTimeFormat(language.locale, { timeZoneName })
      .formatToParts(new Date(at))
      .find((part) => part.type === 'timeZoneName')?.value ?? '';
  const [long, offset] = [name('long'), name('shortOffset')];
  return long === offset ? long : `${long} (${offset})`;
}

function format(at: string, options: Intl.DateTimeFormatOptions): string {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return at;
  return new Intl.DateTimeFormat(language.locale, options).format(moment);
}
