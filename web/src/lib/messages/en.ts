/** Every text of the pages in English; the type that the other catalogues satisfy. */
import { seats } from './en/seats';

export const en = {
  name: 'onsale',
  seats,
};

export type Catalogue = typeof en;
