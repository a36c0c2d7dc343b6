/** Figures and times as the dashboard writes them. Reading these in markup follows the language. */
import { number } from '$lib/messages/format';
import { language } from '$lib/messages/language.svelte';

import { w } from './words';

/** Where there is no figure. */
export const NONE = '–';

export type Maybe = number | null | undefined;

const isThere = (value: Maybe): value is number =>
  typeof value === 'number' && Number.isFinite(value);

/** Whole; what is counted. */
export function count(value: Maybe): string {
  return isThere(value) ? number(Math.round(value)) : NONE;
}

/** A few in a second are worth a decimal. */
export function rate(value: Maybe): string {
  if (!isThere(value)) return NONE;
  const maximumFractionDigits = value < 10 ? 1 : 0;
  return new Intl.NumberFormat(language.locale, { maximumFractionDigits }).format(value);
}

/** A share from 0 to 1. Something is never shown as nothing, nor as all. */
export function percent(value: Maybe): string {
  if (!isThere(value)) return NONE;
  const isNearlyAll = value > 0.99 && value < 1;
  const format = new Intl.NumberFormat(language.locale, {
    style: 'percent',
    ...(value < 0.1
      ? { maximumSignificantDigits: 2 }
      : { maximumFractionDigits: isNearlyAll ? 1 : 0 }),
  });
  return format.format(isNearlyAll ? Math.min(value, 0.999) : value);
}

/** One figure of another; nothing of nothing. */
export function of(part: Maybe, whole: Maybe): string {
  return isThere(part) && isThere(whole) && whole > 0 ? percent(part / whole) : NONE;
}

export function signed(value: number): string {
  return new Intl.NumberFormat(language.locale, { signDisplay: 'exceptZero' }).format(value);
}

export function milliseconds(value: Maybe): string {
  if (!isThere(value)) return NONE;
  const inSeconds = value >= 10_000;
  return new Intl.NumberFormat(language.locale, {
    style: 'unit',
    unit: inSeconds ? 'second' : 'millisecond',
    unitDisplay: 'short',
    maximumFractionDigits: inSeconds ? 1 : value < 10 ? 1 : 0,
  }).format(inSeconds ? value / 1_000 : value);
}

/** Some seats of a plan belong to no section that has a name. */
export const sectionName = (label: string) => label.trim() || w().stock.unnamed;

/** A time of day to the second. */
export function clock(at: string | number): string {
  return written(at, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
}

/** A day and a time to the second. */
export function stamp(at: string): string {
  return written(at, {
    month: 'short',
    day: 'numeric',
    hour: 'numeric',
    minute: '2-digit',
    second: '2-digit',
  });
}

function written(at: string | number, options: Intl.DateTimeFormatOptions): string {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return typeof at === 'string' ? at : NONE;
  return new Intl.DateTimeFormat(language.locale, options).format(moment);
}

/** How long, in seconds below two minutes and else in minutes and hours. */
export function span(seconds: number): string {
  const unit = (value: number, name: string) =>
    new Intl.NumberFormat(language.locale, {
      style: 'unit',
      unit: name,
      unitDisplay: 'long',
      maximumFractionDigits: 0,
    }).format(value);
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 120) return unit(whole, 'second');
  if (whole < 7_200) return unit(Math.floor(whole / 60), 'minute');
  return unit(Math.floor(whole / 3_600), 'hour');
}

/** 3,725 s → `1:02:05`; days stand before it. */
export function countdown(seconds: number, days: (count: number) => string): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const pad = (value: number) => String(value).padStart(2, '0');
  const clockFace = `${Math.floor((whole % 86_400) / 3_600)}:${pad(Math.floor((whole % 3_600) / 60))}:${pad(whole % 60)}`;
  return whole >= 86_400 ? `${days(Math.floor(whole / 86_400))} ${clockFace}` : clockFace;
}
