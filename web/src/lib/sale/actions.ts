/**
 * What was done by hand, in words.
 *
 * Invariant: an action or a detail that came later than these pages is shown as it is called, never left out.
 */
import { dateTime } from '$lib/messages/format';

import type { Action } from './answers';
import { count } from './shown';
import { w } from './words';

const numberIn = (detail: Action['detail'], key: string): number | undefined => {
  const value = detail[key];
  return typeof value === 'number' ? value : undefined;
};

function times(detail: Action['detail']): string[] {
  const names = w().log.times;
  return (Object.keys(names) as (keyof typeof names)[])
    .filter((key) => key in detail)
    .map((key) => {
      const at = detail[key];
      return typeof at === 'string' ? names[key](dateTime(at)) : w().log.noTime[key];
    });
}

export function wordsOf({ action, detail }: Action): string {
  const words = w().log;
  switch (action) {
    case 'pause':
      return words.pause;
    case 'resume':
      return words.resume;
    case 'rate': {
      const rate = numberIn(detail, 'admit_per_second');
      return rate === undefined ? words.rateOwn : words.rate(count(rate));
    }
    case 'room': {
      const room = numberIn(detail, 'max_inside');
      return room === undefined ? words.roomOwn : words.room(count(room));
    }
    case 'close':
      return words.close;
    case 'reopen':
      return words.reopen;
    case 'extend_holds':
      return words.extend(numberIn(detail, 'by_s'), numberIn(detail, 'extended'));
    case 'block':
      return words.block(numberIn(detail, 'seats'));
    case 'unblock':
      return words.unblock(numberIn(detail, 'seats'));
    case 'reschedule':
      return [words.reschedule, ...times(detail)].join(' ');
    default:
      return action;
  }
}

/** Who it was: names are not unique, addresses are. */
export function whoDid({ by }: Action): string {
  const known = [by?.name?.trim(), by?.email?.trim()].filter(Boolean);
  return known.join(' · ') || w().log.somebody;
}

/** Newest first; what is known with what has come, each once. */
export function withNewer(known: readonly Action[], come: readonly Action[]): readonly Action[] {
  const ids = new Set(come.map(({ id }) => id));
  return [...come, ...known.filter(({ id }) => !ids.has(id))];
}
