/**
 * Where in a file something is, said as people call it.
 *
 * Invariant: whatever the pointer and the file are, there is an answer; at worst it is the pointer.
 */
import { w } from './words';

type Json = Record<string, unknown>;

/** The name an object of a plan goes by; else its place in its list, from 1. */
function nameOf(value: unknown, keys: readonly string[], index: number): string {
  const object = typeof value === 'object' && value !== null ? (value as Json) : {};
  for (const key of keys) {
    const name = object[key];
    if (typeof name === 'string' && name.trim() !== '') return `“${name.trim()}”`;
    if (typeof name === 'number') return String(name);
  }
  return String(index + 1);
}

/** Says where a JSON pointer of the server leads within a plan. */
export function placeOf(pointer: string, document: unknown): string {
  const texts = w().file.places;
  const steps = pointer.split('/').slice(1);
  if (steps.length === 0) return texts.root;
  const words: string[] = [];
  let at: unknown = document;
  let list = '';
  for (const step of steps) {
    at = typeof at === 'object' && at !== null ? (at as Json)[step] : undefined;
    if (!/^\d+$/.test(step)) {
      list = step;
      continue;
    }
    const index = Number(step);
    if (list === 'zones') words.push(texts.zone(nameOf(at, ['name', 'zone_id'], index)));
    else if (list === 'rows') {
      words.push(texts.row(nameOf(at, ['row_number', 'row_label'], index)));
    } else if (list === 'seats') words.push(texts.seat(nameOf(at, ['seat_number'], index)));
    else if (list === 'categories') words.push(texts.category(nameOf(at, ['name'], index)));
    else words.push(`${list} ${index + 1}`);
    list = '';
  }
  if (list !== '') words.push(texts.keys[list] ?? list);
  return words.join(', ');
}

/** What the server says of it, in better words where there are some. */
export function detailOf(detail: string): { text: string; known: boolean } {
  for (const [pattern, text] of w().file.details) {
    const found = new RegExp(pattern).exec(detail);
    if (found) {
      return {
        text: text.replace(/\$(\d)/g, (_, n: string) => found[Number(n)] ?? ''),
        known: true,
      };
    }
  }
  return { text: detail, known: false };
}
