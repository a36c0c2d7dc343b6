/**
 * A date that is being added: its times, its seats, its areas and what they cost.
 *
 * Invariants: every price has been typed, so that nothing is free by oversight; what does not show is neither checked
 * nor sent; the keys of errors are the ids of the inputs.
 */
import type { Problem } from '$lib/api/problems';
import { type Check, atMost, required } from '$lib/forms/fields.svelte';
import { number } from '$lib/messages/format';

import { minorUnits, typed } from './amounts';
import type { NewPerformance, Performance, PlanCategory } from './calls';
import { amount, moment, whole, wholeNumber } from './checks';
import { toUtc } from './moments';
import { w } from './words';

export type Seating = 'grid' | 'plan' | 'none';

export interface NewArea {
  key: number;
  label: string;
  capacity: string;
  price: string;
}

/** Of a rectangle, and of all areas: as many as a plan may have. */
const MOST = 100_000;
export const MOST_AREAS = 100;

export class NewDate {
  starts_at = $state('');
  sale_opens_at = $state('');
  sale_closes_at = $state('');
  seating = $state<Seating>('grid');
  rows = $state('10');
  columns = $state('20');
  plan_id = $state('');
  /** Of the chosen plan; nothing while they are not known. */
  categories = $state.raw<readonly PlanCategory[]>();
  prices = $state<Record<string, string>>({});
  areas = $state<NewArea[]>([]);
  errors = $state<Record<string, string>>({});
  readonly #currency: string;
  readonly #begun: string;
  #keys = 0;

  /** What the one before had is likely to be wanted again. */
  constructor(currency: string, before?: Performance) {
    this.#currency = currency;
    if (before) {
      this.seating = before.seat_count === 0 ? 'none' : 'plan';
      this.plan_id = before.seat_count === 0 ? '' : before.plan_id;
      for (const [category, { amount }] of Object.entries(before.prices))
        this.prices[category] = typed(amount, currency);
      for (const { label, capacity, price } of before.areas)
        this.addArea(label, String(capacity), typed(price.amount, currency));
    }
    this.#begun = this.#written();
  }

  get changed(): boolean {
    return this.#written() !== this.#begun;
  }

  get gridCount(): number {
    return (wholeNumber(this.rows) ?? 0) * (wholeNumber(this.columns) ?? 0);
  }

  /** What has a price, as the seats are chosen. */
  get priced(): readonly PlanCategory[] {
    if (this.seating === 'none') return [];
    if (this.seating === 'grid') return [{ name: 'standard', color: '', seats: this.gridCount }];
    return (this.categories ?? []).filter(({ seats }) => seats > 0);
  }

  addArea(label = '', capacity = '', price = ''): number {
    this.#keys += 1;
    this.areas.push({ key: this.#keys, label, capacity, price });
    return this.#keys;
  }

  removeArea(key: number): void {
    this.areas = this.areas.filter((area) => area.key !== key);
  }

  touched(id: string): void {
    if (this.errors[id]) this.errors[id] = '';
  }

  /** One has gone on to another field. What is empty may still be filled in. */
  left(id: string): void {
    const field = this.#fields().find((field) => field.id === id);
    if (!field || field.value.trim() === '') return;
    const wrong = firstOf(field);
    if (wrong) this.errors[id] = wrong;
    else this.touched(id);
  }

  /** Checks everything; the first field that fails gets the focus. True if nothing does. */
  check(): boolean {
    const errors: Record<string, string> = {};
    for (const field of this.#fields()) {
      const wrong = firstOf(field);
      if (wrong) errors[field.id] = wrong;
    }
    const isNothing = this.seating === 'none' && this.areas.length === 0;
    if (isNothing) errors['seating'] = w().dates.nothing;
    if (this.seating === 'plan' && this.plan_id !== '' && this.priced.length === 0)
      errors['plan_id'] = w().dates.noCategories;
    this.errors = errors;
    this.#focusFirst();
    return Object.keys(errors).length === 0;
  }

  /** Ties a refusal of the server to its field; false if it is about none that shows. */
  refuse(problem: Problem): boolean {
    const { field } = problem;
    const [, sentence] = /^[\w.]+: (.+)$/s.exec(problem.message) ?? [];
    const id = field && (idOf[field] ?? (/^prices/.test(field) ? 'price-0' : undefined));
    if (!id || !sentence || !document.getElementById(id)) return false;
    this.errors = { [id]: w().fields.refused(sentence) };
    this.#focusFirst();
    return true;
  }

  /** What is sent; it has been checked. */
  body(): NewPerformance {
    const money = (text: string) => ({
      amount: minorUnits(text, this.#currency) ?? 0,
      currency: this.#currency,
    });
    const count = (text: string) => wholeNumber(text) ?? 0;
    const plan =
      this.seating === 'grid'
        ? { rows: count(this.rows), columns: count(this.columns) }
        : { plan_id: this.plan_id };
    const [opens, closes] = [toUtc(this.sale_opens_at), toUtc(this.sale_closes_at)];
    return {
      starts_at: toUtc(this.starts_at) ?? '',
      ...(this.seating === 'none' ? {} : { plan }),
      prices: Object.fromEntries(
        this.priced.map(({ name }) => [name, money(this.prices[name] ?? '')]),
      ),
      areas: this.areas.map(({ label, capacity, price }) => ({
        label: label.trim(),
        capacity: count(capacity),
        price: money(price),
      })),
      ...(opens ? { sale_opens_at: opens } : {}),
      ...(closes ? { sale_closes_at: closes } : {}),
    };
  }

  #fields(): Field[] {
    const price = amount(() => this.#currency);
    const areas = this.areas.flatMap(({ key, label, capacity, price: cost }) => [
      {
        id: `area-${key}-label`,
        name: w().dates.label,
        value: label,
        checks: [required, atMost(64)],
      },
      {
        id: `area-${key}-capacity`,
        name: w().dates.capacity,
        value: capacity,
        checks: [required, whole(1, MOST)],
      },
      {
        id: `area-${key}-price`,
        name: w().dates.areaPrice,
        value: cost,
        checks: [required, price],
      },
    ]);
    const prices = this.priced.map(({ name }, index) => ({
      id: `price-${index}`,
      name: w().dates.priceOf(name),
      value: this.prices[name] ?? '',
      checks: [required, price],
    }));
    return [...this.#times(), ...this.#seats(), ...prices, ...areas];
  }

  #times(): Field[] {
    const isLater: Check = (value) =>
      this.sale_opens_at && value && value <= this.sale_opens_at ? w().fields.later : undefined;
    const of = (id: 'starts_at' | 'sale_opens_at' | 'sale_closes_at', name: string) => ({
      id,
      name,
      value: this[id],
      checks: [moment(id)] as Check[],
    });
    const [starts, opens, closes] = [
      of('starts_at', w().dates.starts),
      of('sale_opens_at', w().dates.opens),
      of('sale_closes_at', w().dates.closes),
    ];
    return [
      { ...starts, checks: [...starts.checks, required] },
      opens,
      { ...closes, checks: [...closes.checks, isLater] },
    ];
  }

  #seats(): Field[] {
    const name = w().dates.which;
    if (this.seating === 'plan')
      return [{ id: 'plan_id', name, value: this.plan_id, checks: [required] }];
    if (this.seating === 'none') return [];
    const notTooMany: Check = () =>
      this.gridCount > MOST ? w().dates.gridTooMany(number(MOST)) : undefined;
    const of = (id: 'rows' | 'columns', name: string) => ({
      id,
      name,
      value: this[id],
      checks: [required, whole(1, MOST), notTooMany],
    });
    return [of('rows', w().dates.rows), of('columns', w().dates.columns)];
  }

  #focusFirst(): void {
    const ids = Object.keys(this.errors);
    const [first] = ids.map((id) => document.getElementById(id)).filter((found) => found !== null);
    first?.focus();
  }

  #written(): string {
    const { starts_at, sale_opens_at, sale_closes_at, seating, rows, columns, plan_id } = this;
    const areas = this.areas.map(({ label, capacity, price }) => [label, capacity, price]);
    const seats = [seating, rows, columns, plan_id, this.prices, areas];
    return JSON.stringify([starts_at, sale_opens_at, sale_closes_at, seats]);
  }
}

interface Field {
  id: string;
  name: string;
  value: string;
  checks: readonly Check[];
}

/** Where the server's fields are on the page. */
const idOf: Record<string, string> = {
  starts_at: 'starts_at',
  sale_opens_at: 'sale_opens_at',
  sale_closes_at: 'sale_closes_at',
  plan: 'rows',
  'plan.plan_id': 'plan_id',
};

function firstOf({ checks, value, name }: Field): string | undefined {
  for (const check of checks) {
    const wrong = check(value, name);
    if (wrong) return wrong;
  }
  return undefined;
}
