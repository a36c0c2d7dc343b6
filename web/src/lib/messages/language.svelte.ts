/**
 * The language of the pages and its catalogue.
 *
 * Invariant: `<html lang>` is the language of the catalogue that `t()` gives; both change in the same step.
 */
import { remembered } from '$lib/storage/remembered';

import type { Catalogue } from './en';

export type Locale = 'en' | 'ko';
export const locales: readonly Locale[] = ['en', 'ko'];

/** Their own names, the same in every language. */
export const localeNames: Record<Locale, string> = { en: 'English', ko: '한국어' };

const isLocale = (value: unknown): value is Locale => locales.includes(value as Locale);
const stored = remembered<Locale>('onsale.language', isLocale);

const loaders: Record<Locale, () => Promise<Catalogue>> = {
  en: () => import('./en').then((module) => module.en),
  ko: () => import('./ko').then((module) => module.ko),
};

/** The first of the visitor's languages that there is, else English. */
export function preferred(languages: readonly string[]): Locale {
  for (const tag of languages) {
    const base = tag.toLowerCase().split('-')[0];
    if (isLocale(base)) return base;
  }
  return 'en';
}

class Language {
  #locale = $state<Locale>('en');
  #catalogue = $state.raw<Catalogue>();

  get locale(): Locale {
    return this.#locale;
  }

  get catalogue(): Catalogue {
    if (!this.#catalogue) throw new Error('no catalogue is loaded');
    return this.#catalogue;
  }

  use(locale: Locale, catalogue: Catalogue): void {
    this.#locale = locale;
    this.#catalogue = catalogue;
    document.documentElement.lang = locale;
  }

  /** What was chosen before, else what the browser asks for. */
  async start(): Promise<void> {
    await this.#load(stored.read() ?? preferred(navigator.languages));
  }

  async choose(locale: Locale): Promise<void> {
    await this.#load(locale);
    stored.write(locale);
  }

  async #load(locale: Locale): Promise<void> {
    this.use(locale, await loaders[locale]());
  }
}

export const language = new Language();

/** The catalogue; reading it in markup follows the language. */
export const t = (): Catalogue => language.catalogue;
