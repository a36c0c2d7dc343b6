/**
 * What this browser keeps of a waiting room: the ticket, the pass, and how far back the place was at first.
 *
 * Invariants: all tabs have the same; forgetting is never a loss, because joining and entering again give the same place
 * and the same pass.
 */
import { type Remembered, remembered } from '$lib/storage/remembered';

export interface Pass {
  pass: string;
  expiresAt: string;
}

export interface Kept {
  ticket: string;
  /** How many were ahead when that was first known. */
  aheadAtFirst?: number | undefined;
  pass?: Pass | undefined;
}

const PREFIX = 'onsale.queue.';
/** Far more waiting rooms than anybody is in; the others are old. */
const MOST_KEPT = 30;

function isPass(value: unknown): value is Pass {
  if (typeof value !== 'object' || value === null) return false;
  const { pass, expiresAt } = value as Record<string, unknown>;
  return typeof pass === 'string' && typeof expiresAt === 'string';
}

function isKept(value: unknown): value is Kept {
  if (typeof value !== 'object' || value === null) return false;
  const { ticket, aheadAtFirst, pass } = value as Record<string, unknown>;
  return (
    typeof ticket === 'string' &&
    (aheadAtFirst === undefined || typeof aheadAtFirst === 'number') &&
    (pass === undefined || isPass(pass))
  );
}

const stores = new Map<string, Remembered<Kept>>();

function store(event: string): Remembered<Kept> {
  let found = stores.get(event);
  if (!found) stores.set(event, (found = remembered(PREFIX + event, isKept)));
  return found;
}

export function kept(event: string): Kept | undefined {
  return store(event).read();
}

export function keep(event: string, value: Kept): void {
  makeRoom(event);
  store(event).write(value);
}

export function forget(event: string): void {
  store(event).forget();
}

/** The pass with which to reserve, if there is one that has not run out. */
export function passFor(event: string, nowMs: number): Pass | undefined {
  const pass = kept(event)?.pass;
  return pass && Date.parse(pass.expiresAt) > nowMs ? pass : undefined;
}

/** Tells of what other tabs keep or forget, until what is given back is called. */
export function watchKept(event: string, onchange: () => void): () => void {
  const changed = ({ key }: StorageEvent) => {
    if (key === PREFIX + event || key === null) onchange();
  };
  addEventListener('storage', changed);
  return () => removeEventListener('storage', changed);
}

function makeRoom(event: string): void {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
    const others = keys.filter((key) => key !== PREFIX + event);
    // Ids begin with the time at which they were made.
    for (const key of others.toSorted().slice(0, -(MOST_KEPT - 1))) localStorage.removeItem(key);
  } catch {
    // Nothing is stored where storage is refused.
  }
}
