/** What is wrong with something that was typed on the organizers' pages. */
import type { Check } from '$lib/forms/fields.svelte';
import { money, number } from '$lib/messages/format';
import { t } from '$lib/messages/language.svelte';
import { spoken } from '$lib/reservations/spoken';

import { MOST, minorUnits } from './amounts';
import { toUtc } from './moments';
import { w } from './words';

/** The number that was typed; nothing if it is none. Groups of three may be set apart. */
export function wholeNumber(text: string): number | undefined {
  const plain = text.trim().replace(/(?<=\d)[,\s](?=\d{3}(?:\D|$))/g, '');
  return /^\d{1,9}$/.test(plain) ? Number(plain) : undefined;
}

export const whole =
  (least: number, most: number): Check =>
  (value) => {
    const typed = wholeNumber(value);
    return typed === undefined || typed < least || typed > most
      ? w().fields.number(number(least), number(most))
      : undefined;
  };

/** A span in words; from two hours on in hours, if it is some. */
export function spanOf(seconds: number): string {
  return seconds >= 7_200 && seconds % 3_600 === 0
    ? w().fields.hours(seconds / 3_600)
    : spoken(seconds);
}

/** Seconds that were typed as minutes and seconds. */
export const span =
  (least: number, most: number): Check =>
  (value) => {
    const typed = wholeNumber(value);
    return typed === undefined || typed < least || typed > most
      ? w().fields.span(spanOf(least), spanOf(most))
      : undefined;
  };

/** The browser keeps half a date to itself: its input is empty then, and says so. */
export const moment =
  (id: string): Check =>
  (value) => {
    const input = document.getElementById(id);
    const isHalf = input instanceof HTMLInputElement && input.validity.badInput;
    return isHalf || (value !== '' && !toUtc(value)) ? w().fields.moment : undefined;
  };

export const amount =
  (currency: () => string): Check =>
  (value) => {
    const units = minorUnits(value, currency());
    if (units === undefined)
      return w().fields.amount(money({ amount: 125_000, currency: currency() }));
    return units > MOST ? w().fields.tooMuch : undefined;
  };

/** As `atMost` of the fields counts, without taking blanks away. */
export const noLonger =
  (count: number): Check =>
  (value) =>
    [...value].length > count ? t().forms.tooLong(count) : undefined;
