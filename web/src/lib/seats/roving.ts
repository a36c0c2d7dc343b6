/**
 * Where a key leads from a seat of the list: along the row, or to the seat in front or behind.
 *
 * Invariant: the answer is one of the seats that are shown, or nothing.
 */
export function seatAfter(
  key: string,
  id: number,
  rows: readonly (readonly number[])[],
  xOf: (id: number) => number,
): number | undefined {
  const at = rows.findIndex((row) => row.includes(id));
  const row = rows[at];
  if (!row) return undefined;
  const place = row.indexOf(id);
  switch (key) {
    case 'ArrowLeft':
      return row[place - 1];
    case 'ArrowRight':
      return row[place + 1];
    case 'Home':
      return row[0];
    case 'End':
      return row.at(-1);
    case 'ArrowUp':
      return closest(rows.slice(0, at).findLast(isFilled), id, xOf);
    case 'ArrowDown':
      return closest(rows.slice(at + 1).find(isFilled), id, xOf);
    default:
      return undefined;
  }
}

const isFilled = (row: readonly number[]) => row.length > 0;

function closest(
  row: readonly number[] | undefined,
  id: number,
  xOf: (id: number) => number,
): number | undefined {
  const away = (other: number) => Math.abs(xOf(other) - xOf(id));
  return row?.reduce((best, other) => (away(other) < away(best) ? other : best), row[0] ?? 0);
}
