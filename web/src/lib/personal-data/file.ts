/**
 * The file with everything that is kept of somebody.
 *
 * Invariants: it is whole or there is none; however long the lists are said to be, asking for them has an end.
 */
import type { Schemas } from '$lib/api/client';

export type MyData = Schemas['MyData'];

interface Piece<T> {
  items: T[];
  next_cursor?: string | null;
}

/** The calls, so that tests can put others there. */
export interface Reads {
  /** With the first pieces of its lists. */
  data(): Promise<MyData>;
  orders(cursor: string): Promise<MyData['orders']>;
  reservations(cursor: string): Promise<MyData['reservations']>;
}

/** Pieces of 200: far more than anybody has bought. */
const MOST_PIECES = 200;

/** All of a list of which the first piece is there; tells how many came with each further one. */
export async function whole<T>(
  first: Piece<T>,
  next: (cursor: string) => Promise<Piece<T>>,
  came: (count: number) => void,
): Promise<T[]> {
  const items = [...first.items];
  came(items.length);
  const asked = new Set<string>();
  for (let cursor = first.next_cursor; cursor;) {
    if (asked.has(cursor) || asked.size >= MOST_PIECES) throw new Error('the list has no end');
    asked.add(cursor);
    const piece = await next(cursor);
    items.push(...piece.items);
    came(piece.items.length);
    cursor = piece.next_cursor;
  }
  return items;
}

/** Everything, with the lists as a whole; tells on the way how many of their items have come. */
export async function everything(reads: Reads, told: (count: number) => void): Promise<MyData> {
  const data = await reads.data();
  let count = 0;
  const came = (more: number) => told((count += more));
  const orders = await whole(data.orders, reads.orders, came);
  const reservations = await whole(data.reservations, reads.reservations, came);
  return {
    ...data,
    orders: { items: orders, next_cursor: null },
    reservations: { items: reservations, next_cursor: null },
  };
}

/** Named for the day on the visitor's calendar. */
export function fileName(at: Date): string {
  const two = (part: number) => String(part).padStart(2, '0');
  return `onsale-data-${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}.json`;
}
