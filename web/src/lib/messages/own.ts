/**
 * Texts that only some pages need: they come with those pages and not with the first.
 *
 * Each noun has `en/NOUN.ts`, whose type `ko/NOUN.ts` satisfies, and gives its texts with `words({ en, ko })`.
 */
import { type Locale, language } from './language.svelte';

/** The texts of one noun; reading them in markup follows the language. */
export function words<T>(of: Record<Locale, T>): () => T {
  return () => of[language.locale];
}
