/** Plans to test with. */
import type { Plan } from './model';
import type { PlanSeat } from './spaces';

const red = { name: 'Stalls', color: '#8e3b5e', price: { amount: 160_000, currency: 'KRW' } };
const blue = { name: 'Circle', color: '#2f6f8f', price: { amount: 90_000, currency: 'KRW' } };

/** Rows of seats 10 apart, from the top left corner; the last row may be of the second category. */
export function grid(rows: number, columns: number, sections = ['']): Plan {
  let id = 0;
  return {
    size: { width: columns * 10, height: rows * 10 * sections.length },
    categories: [red, blue],
    areas: [],
    shapes: [],
    sections: sections.map((label, section) => ({
      id: section + 1,
      label,
      rows: Array.from({ length: rows }, (_, row) => ({
        label: String.fromCharCode(65 + row),
        seats: Array.from({ length: columns }, (_, column) => ({
          id: ++id,
          label: `${String.fromCharCode(65 + row)}-${column + 1}`,
          x: column * 10,
          y: (section * (rows + 2) + row) * 10,
          category: section === 0 ? red.name : blue.name,
        })),
      })),
    })),
  };
}

/** States as the server packs them, seat 1 first. */
export function packed(codes: readonly number[]): string {
  const bytes = new Uint8Array(Math.ceil(codes.length / 4));
  for (const [index, code] of codes.entries()) {
    bytes[index >> 2] = (bytes[index >> 2] ?? 0) | (code << ((index & 3) * 2));
  }
  return btoa(String.fromCharCode(...bytes));
}

export const snapshot = (codes: readonly number[], position = 'e:1') => ({
  position,
  seat_count: codes.length,
  states: packed(codes),
  areas: [{ id: 1, available: 5 }],
});

/** The same plan with some seats being spaces for wheelchairs, and some kept for companions. */
export function withSpaces(
  plan: Plan,
  accessible: readonly number[],
  companion: readonly number[] = [],
): Plan {
  for (const { rows } of plan.sections) {
    for (const { seats } of rows) {
      for (const seat of seats as PlanSeat[]) {
        if (accessible.includes(seat.id)) seat.accessible = true;
        if (companion.includes(seat.id)) seat.companion = true;
      }
    }
  }
  return plan;
}
