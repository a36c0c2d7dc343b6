import { beforeAll, describe, expect, it } from 'vitest';

import { Problem } from '$lib/api/problems';
import { en } from '$lib/messages/en';
import { language } from '$lib/messages/language.svelte';

import type { Performance } from './calls';
import { toUtc } from './moments';
import { NewDate } from './new-date.svelte';

beforeAll(() => language.use('en', en));

const starts = '2026-12-24T20:00';

function filled(currency = 'EUR'): NewDate {
  const date = new NewDate(currency);
  date.starts_at = starts;
  date.rows = '3';
  date.columns = '4';
  date.prices['standard'] = '12.50';
  return date;
}

describe('a date that is added', () => {
  it('has rows of seats at a price', () => {
    const date = filled();
    expect(date.check()).toBe(true);
    expect(date.body()).toEqual({
      starts_at: toUtc(starts),
      plan: { rows: 3, columns: 4 },
      prices: { standard: { amount: 1_250, currency: 'EUR' } },
      areas: [],
    });
  });

  it('has areas alone, and neither a plan nor its prices', () => {
    const date = filled('KRW');
    date.seating = 'none';
    expect(date.check()).toBe(false);
    expect(date.errors).toEqual({ seating: 'Choose seats, add an area, or both.' });
    date.addArea(' Standing ', '1,000', '30,000');
    date.sale_opens_at = '2026-12-01T10:00';
    expect(date.check()).toBe(true);
    expect(date.body()).toEqual({
      starts_at: toUtc(starts),
      prices: {},
      areas: [{ label: 'Standing', capacity: 1_000, price: { amount: 30_000, currency: 'KRW' } }],
      sale_opens_at: toUtc('2026-12-01T10:00'),
    });
  });

  it('has a price for each category of its plan that has seats', () => {
    const date = filled();
    date.seating = 'plan';
    date.plan_id = 'p';
    expect(date.check()).toBe(false);
    expect(date.errors['plan_id']).toBe('The categories of this plan cannot be had.');
    date.categories = [
      { name: 'Stalls', color: '#111111', seats: 10 },
      { name: 'Box', color: '#222222', seats: 0 },
    ];
    expect(date.check()).toBe(false);
    expect(Object.keys(date.errors)).toEqual(['price-0']);
    date.prices['Stalls'] = '0';
    expect(date.check()).toBe(true);
    expect(date.body()).toMatchObject({
      plan: { plan_id: 'p' },
      prices: { Stalls: { amount: 0, currency: 'EUR' } },
    });
  });

  it('begins as the one before', () => {
    const before = {
      plan_id: 'p',
      seat_count: 10,
      prices: { Stalls: { amount: 1_250, currency: 'EUR' } },
      areas: [{ id: 1, label: 'Bar', capacity: 5, price: { amount: 500, currency: 'EUR' } }],
    } as unknown as Performance;
    const date = new NewDate('EUR', before);
    expect([date.seating, date.plan_id, date.prices]).toEqual(['plan', 'p', { Stalls: '12.50' }]);
    expect(date.areas).toMatchObject([{ label: 'Bar', capacity: '5', price: '5.00' }]);
    expect(date.changed).toBe(false);
    date.removeArea(1);
    expect(date.changed).toBe(true);
  });
});

describe('what is wrong with it', () => {
  it('is told for each field', () => {
    const date = filled();
    date.starts_at = '';
    date.sale_opens_at = '2026-12-01T10:00';
    date.sale_closes_at = '2026-12-01T10:00';
    date.prices['standard'] = 'free';
    const key = date.addArea('', '0', '1');
    expect(date.check()).toBe(false);
    expect(Object.keys(date.errors)).toEqual([
      'starts_at',
      'sale_closes_at',
      'price-0',
      `area-${key}-label`,
      `area-${key}-capacity`,
    ]);
    expect(date.errors['sale_closes_at']).toContain('later');
  });

  it('is that there are too many seats', () => {
    const date = filled();
    [date.rows, date.columns] = ['1000', '1000'];
    date.left('columns');
    expect(date.errors['columns']).toBe('Rows and seats together make at most 100,000 seats.');
    date.columns = '100';
    date.left('columns');
    expect(date.errors['columns']).toBe('');
  });

  it('is what the server says, where it shows', () => {
    const date = filled();
    const detail = 'sale_closes_at: must be later than sale_opens_at';
    const refusal = new Problem({
      status: 400,
      code: 'validation',
      field: 'sale_closes_at',
      detail,
    });
    expect(date.refuse(refusal)).toBe(false);
    const input = document.createElement('input');
    input.id = 'sale_closes_at';
    document.body.append(input);
    expect(date.refuse(refusal)).toBe(true);
    expect(document.activeElement).toBe(input);
    expect(date.errors['sale_closes_at']).toContain('must be later than sale_opens_at');
  });
});
