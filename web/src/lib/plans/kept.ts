/**
 * The draft that is kept in this browser.
 *
 * Invariant: there is one, the latest; it goes away only when it is discarded.
 */
import { remembered } from '$lib/storage/remembered';

import { type Draft, isDraft } from './draft';

export interface Kept {
  draft: Draft;
  atMs: number;
  /** Whether a plan was made of it, as it is. */
  saved: boolean;
}

const isKept = (value: unknown): value is Kept => {
  const { draft, atMs, saved } = (value ?? {}) as Partial<Record<keyof Kept, unknown>>;
  return typeof atMs === 'number' && typeof saved === 'boolean' && isDraft(draft);
};

export const keptDraft = remembered<Kept>('onsale.plan-draft', isKept);
