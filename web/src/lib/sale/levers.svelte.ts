/**
 * What is changed by hand while selling.
 *
 * Invariants: nothing is changed that was not asked about and confirmed; one at a time; its outcome is said, and when it
 * is not known, that.
 */

import { type Problem, asProblem } from '$lib/api/problems';
import { Fields, atMost } from '$lib/forms/fields.svelte';
import { announcer } from '$lib/layout/announcer.svelte';

import { w } from './words';

/** Letters that a reason may have. */
export const REASON_MOST = 200;

export interface Lever {
  key: string;
  /** The question. */
  title: string;
  /** What it does, and what stays as it is. */
  effects: readonly string[];
  yes: string;
  /** Does it, and gives what became of it, in words. */
  pull: (reason: string | undefined) => Promise<string>;
}

export class Levers {
  asked = $state.raw<Lever>();
  busy = $state<string>();
  outcome = $state<string>();
  problem = $state.raw<Problem>();
  fields = $state.raw(reasonField());
  readonly #ondone: () => void;
  #tried: { lever: Lever; reason: string | undefined } | undefined;

  constructor(ondone: () => void) {
    this.#ondone = ondone;
  }

  ask(lever: Lever): void {
    if (this.busy) return;
    this.fields = reasonField();
    this.asked = lever;
  }

  cancel(): void {
    this.asked = undefined;
  }

  async confirm(): Promise<void> {
    const lever = this.asked;
    if (!lever || this.busy || !this.fields.check()) return;
    this.asked = undefined;
    // Pasted tabs and the like are no letters; the log has one line for a reason.
    await this.#pull(lever, this.fields.trimmed('reason')?.replace(/\p{Cc}+/gu, ' '));
  }

  /** The same once more, which is safe: each of these sets something and adds nothing. */
  async again(): Promise<void> {
    if (this.#tried && !this.busy) await this.#pull(this.#tried.lever, this.#tried.reason);
  }

  async #pull(lever: Lever, reason: string | undefined): Promise<void> {
    this.busy = lever.key;
    this.outcome = undefined;
    this.problem = undefined;
    this.#tried = { lever, reason };
    try {
      this.outcome = await lever.pull(reason);
      announcer.say(this.outcome);
    } catch (error) {
      this.problem = asProblem(error);
    }
    this.busy = undefined;
    this.#ondone();
  }
}

function reasonField() {
  return new Fields<'reason'>({
    reason: {
      serverName: 'reason',
      label: () => w().levers.reason,
      checks: [atMost(REASON_MOST)],
    },
  });
}

/** A whole number within bounds as somebody types it; nothing if it is none. */
export function wholeIn(text: string, least: number, most: number): number | undefined {
  const isGrouped = /^\d{1,3}([\s,.’']\d{3})+$/.test(text.trim());
  const digits = isGrouped ? text.replace(/\D/g, '') : text.trim();
  if (!/^\d{1,9}$/.test(digits)) return undefined;
  const value = Number(digits);
  return value >= least && value <= most ? value : undefined;
}
