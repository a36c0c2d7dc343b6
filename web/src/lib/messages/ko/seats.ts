/** Texts of the seat map and the seat list, in Korean. */
import type { seats as english } from '../en/seats';
import { pluralsOf } from '../plural';

const plural = pluralsOf('ko');

export const seats: typeof english = {
  states: {
    available: '선택 가능',
    held: '다른 분이 선점',
    sold: '판매 완료',
    blocked: '판매하지 않음',
  },
  free: (count) => plural(count, { other: '#석 남음' }),
};
