/**
 * Which seats a buyer wants to look at: of some categories, up to a price, or the spaces for wheelchairs.
 *
 * Invariant: with nothing chosen, every seat is shown; a filter is a value and never changes.
 */
import type { Category, SeatSection, SeatingModel } from './model';

export interface Filter {
  active: boolean;
  shows(id: number): boolean;
  /** Whether there can be anything to look at in a section. */
  showsSection(section: SeatSection): boolean;
}

export const everything: Filter = { active: false, shows: () => true, showsSection: () => true };

/** With so many categories, choosing them one by one is work. */
const MANY_CATEGORIES = 6;

/** What is chosen: indexes of categories, none meaning all; a highest price, in minor units; only spaces for wheelchairs. */
export interface Choice {
  categories: Iterable<number>;
  most: number | undefined;
  spaces: boolean;
}

export function filterOf(model: SeatingModel, { most, spaces, ...choice }: Choice): Filter {
  const chosen = new Set(choice.categories);
  if (chosen.size === 0 && most === undefined && !spaces) return everything;
  const { categories, category, space } = model;
  const isShown = categories.map(
    ({ price }, index) =>
      (chosen.size === 0 || chosen.has(index)) && (most === undefined || price.amount <= most),
  );
  return {
    active: true,
    shows: (id) => (isShown[category[id] ?? 0] ?? false) && (!spaces || (space[id] ?? 0) > 0),
    showsSection: (section) =>
      section.categories.some((index) => isShown[index]) && (!spaces || section.spaces > 0),
  };
}

/**
 * Prices to offer as the highest one, from low to high: where one price stands for several categories, or there are
 * many. The dearest is not among them, for it leaves nothing out.
 */
export function priceSteps(categories: readonly Category[]): Category['price'][] {
  const prices = categories.map(({ price }) => price);
  const amounts = [...new Set(prices.map(({ amount }) => amount))].sort((a, b) => a - b);
  const currencies = new Set(prices.map(({ currency }) => currency));
  const helps = amounts.length < categories.length || categories.length >= MANY_CATEGORIES;
  const [currency] = currencies;
  if (!helps || currency === undefined || currencies.size > 1) return [];
  return amounts.slice(0, -1).map((amount) => ({ amount, currency }));
}
