/** Every text of the pages in Korean. */
import type { Catalogue } from './en';
import { seats } from './ko/seats';

export const ko: Catalogue = {
  name: 'onsale',
  seats,
};
