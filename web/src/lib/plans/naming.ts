/**
 * What rows and seats are called.
 *
 * Invariant: within a row no two seats have the same number, and within a block no two rows the same name.
 */
import type { RowNames, SeatNumbers } from './draft';

const LETTERS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const HANGUL = [...'가나다라마바사아자차카타파하'];

/** The n-th name of a kind, from 1; after the last letter come two: Z, AA, AB. */
export function rowName(kind: RowNames['kind'], place: number): string {
  if (kind === 'numbers') return String(place);
  const letters = kind === 'letters' ? LETTERS : HANGUL;
  let name = '';
  for (let rest = place; rest > 0; rest = Math.floor((rest - 1) / letters.length)) {
    name = `${letters[(rest - 1) % letters.length] ?? ''}${name}`;
  }
  return name;
}

/** Which name of a kind this is, from 1; nothing if it is none. */
export function placeOfName(kind: RowNames['kind'], name: string): number | undefined {
  const text = name.trim().toUpperCase();
  if (text === '') return undefined;
  if (kind === 'numbers') {
    const place = /^\d{1,6}$/.test(text) ? Number(text) : 0;
    return place >= 1 ? place : undefined;
  }
  const letters = kind === 'letters' ? LETTERS : HANGUL;
  let place = 0;
  for (const letter of text) {
    const at = letters.indexOf(letter);
    if (at < 0) return undefined;
    place = place * letters.length + at + 1;
  }
  return place;
}

/** The names of all rows, the front row first. */
export function rowNamesOf({ kind, start, from }: RowNames, rows: number): string[] {
  return Array.from({ length: rows }, (_, row) =>
    rowName(kind, start + (from === 'front' ? row : rows - 1 - row)),
  );
}

/** The numbers of a row's seats, from left to right. */
export function seatNumbersOf({ from, count, start }: SeatNumbers, seats: number): number[] {
  if (from === 'middle') return fromTheMiddle(start, seats);
  const first = count === 'all' || start % 2 === (count === 'odd' ? 1 : 0) ? start : start + 1;
  const step = count === 'all' ? 1 : 2;
  return Array.from(
    { length: seats },
    (_, seat) => first + step * (from === 'left' ? seat : seats - 1 - seat),
  );
}

/** The lowest number is left of the middle; from there it goes on by turns to the right and to the left. */
function fromTheMiddle(start: number, seats: number): number[] {
  const left = Math.ceil(seats / 2);
  return Array.from(
    { length: seats },
    (_, seat) => start + (seat < left ? 2 * (left - 1 - seat) : 2 * (seat - left) + 1),
  );
}
