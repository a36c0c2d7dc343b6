/** Texts of the organizers' pages about sale, in Korean. */
import type { sale as English } from '../en/sale';

export const sale: typeof English = {
  title: '판매 현황',
};
