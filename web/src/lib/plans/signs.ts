/** The signs of marked seats where they are not drawn on a canvas, as paths within 20 by 20. */
import type { Mark } from './draft';

export const signs: Record<Mark, string> = {
  accessible: 'M8.5 3.2v.1M8.5 6.5v4.7h4.6l2 4.8M8.5 8.6h4M6.4 9.8a4.2 4.2 0 1 0 5.9 5.4',
  companion:
    'M6 6.4a1.4 1.4 0 1 0 0-2.8 1.4 1.4 0 0 0 0 2.8M14 6.4a1.4 1.4 0 1 0 0-2.8 1.4 1.4 0 0 0 0 2.8M3.5 16.5v-4a2.5 2.5 0 0 1 5 0v4M11.5 16.5v-4a2.5 2.5 0 0 1 5 0v4',
  out: 'M5 5l10 10M15 5L5 15',
};
