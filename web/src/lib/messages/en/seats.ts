/** Texts of the seat map and the seat list, in English. */
import { pluralsOf } from '../plural';

const plural = pluralsOf('en');

export const seats = {
  states: { available: 'Available', held: 'Held by others', sold: 'Sold', blocked: 'Not for sale' },
  free: (count: number) => plural(count, { one: '# seat free', other: '# seats free' }),
};
