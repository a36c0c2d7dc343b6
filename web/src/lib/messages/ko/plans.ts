/** Texts of the organizers' pages about plans, in Korean. */
import type { plans as English } from '../en/plans';

export const plans: typeof English = {
  title: '좌석 배치도',
};
