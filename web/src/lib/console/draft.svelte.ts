/**
 * A form whose values are compared with what is saved.
 *
 * Invariants: a field that does not show is neither checked nor sent; what has come back from the server is what counts
 * as saved.
 */
import type { Problem } from '$lib/api/problems';
import { type FieldRules, Fields } from '$lib/forms/fields.svelte';

import { w } from './words';

export interface DraftRules<Name extends string> extends FieldRules {
  /** Whether it matters, as the other values are; it does unless told. */
  shown?: (values: Record<Name, string>) => boolean;
}

export class Draft<Name extends string> extends Fields<Name> {
  /** Grows when values are put there that nobody typed. */
  revision = $state(0);
  #saved = $state.raw({} as Record<Name, string>);
  readonly #of: Record<Name, DraftRules<Name>>;

  constructor(rules: Record<Name, DraftRules<Name>>, values: Record<Name, string>) {
    const wrapped = {} as Record<Name, FieldRules>;
    for (const [name, rule] of Object.entries(rules) as [Name, DraftRules<Name>][]) {
      const checks = rule.checks.map(
        (check): typeof check =>
          (value, label) =>
            this.shows(name) ? check(value, label) : undefined,
      );
      wrapped[name] = { ...rule, checks };
    }
    super(wrapped, values);
    this.#of = rules;
    this.#saved = { ...values };
  }

  shows(name: Name): boolean {
    return this.#of[name].shown?.(this.values) ?? true;
  }

  /** What shows and is not as it was saved. */
  get changes(): Name[] {
    return (Object.keys(this.#of) as Name[]).filter(
      (name) => this.shows(name) && this.values[name] !== this.#saved[name],
    );
  }

  get changed(): boolean {
    return this.changes.length > 0;
  }

  /** One has gone on to another field. What is empty may still be filled in. */
  left(id: string): void {
    const [name] = id.split('--') as [Name];
    const rule = this.#of[name] as DraftRules<Name> | undefined;
    if (!rule || !this.shows(name) || this.values[name].trim() === '') return;
    const wrong = rule.checks
      .map((check) => check(this.values[name], rule.label()))
      .find((each) => each !== undefined);
    if (wrong !== this.errors[name]) this.errors = { ...this.errors, [name]: wrong };
  }

  /** As `Fields` does it, with what the server says about the field. */
  override refuse(problem: Problem): boolean {
    if (!super.refuse(problem)) return false;
    const [, sentence] = /^[\w.]+: (.+)$/s.exec(problem.message) ?? [];
    const [name] = Object.keys(this.errors) as Name[];
    if (name && sentence) {
      this.errors = { [name]: w().fields.refused(sentence) } as Partial<Record<Name, string>>;
    }
    return true;
  }

  /** These are saved now. */
  take(values: Record<Name, string>): void {
    this.#saved = { ...values };
    this.values = { ...values };
    this.errors = {};
    this.revision++;
  }

  discard(): void {
    this.take(this.#saved);
  }
}
