/**
 * Values of a form and what is wrong with them.
 *
 * Invariant: nothing is sent while a check fails; a field's error goes away when the field is changed.
 */
import type { Problem } from '$lib/api/problems';
import { t } from '$lib/messages/language.svelte';

/** What is wrong with a value, in words; nothing if it is all right. */
export type Check = (value: string, label: string) => string | undefined;

export const required: Check = (value, label) =>
  value.trim() === '' ? t().forms.required(label) : undefined;

/** As the server checks it: a slip is caught, whether mail arrives only mail can tell. */
export const email: Check = (value) =>
  value.trim() === '' || /^[^@\s]+@[^@\s.][^@\s]*\.[^@\s.]+$/.test(value.trim())
    ? undefined
    : t().forms.email;

export const atMost =
  (count: number): Check =>
  (value) =>
    [...value.trim()].length > count ? t().forms.tooLong(count) : undefined;

export const atLeast =
  (count: number): Check =>
  (value) =>
    [...value].length < count ? t().forms.tooShort(count) : undefined;

export interface FieldRules {
  /** What the server calls it in a `validation` refusal. */
  serverName: string;
  label: () => string;
  checks: readonly Check[];
}

export class Fields<Name extends string> {
  values = $state({} as Record<Name, string>);
  errors = $state<Partial<Record<Name, string>>>({});
  readonly #rules: Record<Name, FieldRules>;

  constructor(rules: Record<Name, FieldRules>, values: Partial<Record<Name, string>> = {}) {
    this.#rules = rules;
    for (const name of this.#names()) this.values[name] = values[name] ?? '';
  }

  /** Checks everything; the first field that fails gets the focus. True if nothing does. */
  check(): boolean {
    const errors: Partial<Record<Name, string>> = {};
    for (const name of this.#names()) {
      const { label, checks } = this.#rules[name];
      for (const check of checks) {
        errors[name] ??= check(this.values[name], label());
      }
    }
    this.errors = errors;
    this.#focusFirst();
    return this.count === 0;
  }

  /** Ties a refusal of the server to its field; false if it is about none. */
  refuse(problem: Problem): boolean {
    const name = this.#names().find((name) => this.#rules[name].serverName === problem.field);
    if (!name) return false;
    this.errors = { [name]: t().forms.invalid } as Partial<Record<Name, string>>;
    this.#focusFirst();
    return true;
  }

  touched(name: Name): void {
    if (this.errors[name]) this.errors = { ...this.errors, [name]: undefined };
  }

  get count(): number {
    return Object.values(this.errors).filter(Boolean).length;
  }

  /** The value without blanks around it; nothing if it is empty. */
  trimmed(name: Name): string | undefined {
    return this.values[name].trim() || undefined;
  }

  #names(): Name[] {
    return Object.keys(this.#rules) as Name[];
  }

  #focusFirst(): void {
    const first = this.#names().find((name) => this.errors[name]);
    if (first) document.getElementById(first)?.focus();
  }
}
