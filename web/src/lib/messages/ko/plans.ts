/** Texts of the organizers' pages about plans, in Korean. */
import type { plans as English } from '../en/plans';
import { plans as en } from '../en/plans';

export const plans: typeof English = en;
