import { describe, expect, it } from 'vitest';

import { SeatFilter } from './choosing.svelte';
import { priceSteps } from './filter';
import { type Category, SeatingModel } from './model';
import { grid, withSpaces } from './plans';

const shownBy = (filter: SeatFilter, model: SeatingModel) =>
  model.ids().filter((id) => filter.now.shows(id));

describe('a filter of seats', () => {
  const model = new SeatingModel(withSpaces(grid(1, 3, ['Stalls', 'Circle']), [2], [3]));

  it('shows everything until something is chosen', () => {
    const filter = new SeatFilter(model);
    expect(filter.now.active).toBe(false);
    expect(shownBy(filter, model)).toHaveLength(6);
  });

  it('shows the chosen categories, up to the highest price', () => {
    const filter = new SeatFilter(model);
    filter.flip(0);
    expect(shownBy(filter, model)).toEqual([1, 2, 3]);
    filter.most = 90_000;
    expect(shownBy(filter, model)).toEqual([]);
    filter.flip(0);
    expect(shownBy(filter, model)).toEqual([4, 5, 6]);
  });

  it('shows spaces for wheelchairs and the seats beside them, and the sections that have some', () => {
    const filter = new SeatFilter(model);
    filter.spaces = true;
    expect(shownBy(filter, model)).toEqual([2, 3]);
    const [stalls, circle] = model.sections.map((section) => filter.now.showsSection(section));
    expect([stalls, circle]).toEqual([true, false]);
  });
});

describe('the prices to choose from', () => {
  const categories = (...amounts: number[]): Category[] =>
    amounts.map((amount, index) => ({
      name: `C${index}`,
      color: '#000000',
      price: { amount, currency: 'KRW' },
    }));
  const stepsOf = (...amounts: number[]) =>
    priceSteps(categories(...amounts)).map(({ amount }) => amount);

  it('are none where each category is its own price, and there are few', () => {
    expect(stepsOf(300, 200, 100)).toEqual([]);
  });

  it('rise to the last but one where categories share a price', () => {
    expect(stepsOf(300, 200, 200, 100)).toEqual([100, 200]);
    expect(stepsOf(100, 100)).toEqual([]);
  });

  it('are there where categories are many', () => {
    expect(stepsOf(600, 500, 400, 300, 200, 100)).toEqual([100, 200, 300, 400, 500]);
  });

  it('are none where currencies differ', () => {
    const mixed = categories(300, 200, 200);
    mixed[0] = { name: 'D', color: '#000000', price: { amount: 1, currency: 'EUR' } };
    expect(priceSteps(mixed)).toEqual([]);
  });
});
