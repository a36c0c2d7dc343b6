/** Texts of the organizers' pages about events, in Korean. */
import type { console as English } from '../en/console';

export const console: typeof English = {
  title: '내 이벤트',
};
