/**
 * The outlines of sections: along the first row, down the last seats of the rows, back along the last row and up the
 * first seats, so that curved blocks stay curved.
 *
 * Invariant: an outline has no more corners than it takes to follow the seats within half of their distance.
 */
import type { SeatSection, SeatingModel } from './model';

export type Point = readonly [number, number];

export function outlineOf(model: SeatingModel, section: SeatSection): Point[] {
  const rows = section.rows.filter((row) => row.ids.length > 0).map((row) => row.ids);
  const [top = [], bottom = []] = [rows[0], rows.at(-1)];
  const ids = [
    ...top,
    ...rows.slice(1, -1).flatMap((row) => row.at(-1) ?? []),
    ...(rows.length > 1 ? [...bottom].reverse() : []),
    ...rows
      .slice(1, -1)
      .reverse()
      .flatMap((row) => row[0] ?? []),
  ];
  const points = ids.map((id): Point => [model.x[id] ?? 0, model.y[id] ?? 0]);
  const [first] = points;
  return first ? simplified([...points, first], model.pitch / 2).slice(0, -1) : [];
}

/** Where a level line through a point inside an outline begins and ends. */
export function chordAt(
  outline: readonly Point[],
  x: number,
  y: number,
): [number, number] | undefined {
  let [left, right] = [-Infinity, Infinity];
  for (const [index, [ax, ay]] of outline.entries()) {
    const [bx, by] = outline[(index + 1) % outline.length] ?? [ax, ay];
    if (ay > y === by > y) continue;
    const crossing = ax + ((y - ay) * (bx - ax)) / (by - ay);
    if (crossing <= x) left = Math.max(left, crossing);
    else right = Math.min(right, crossing);
  }
  return Number.isFinite(left) && Number.isFinite(right) ? [left, right] : undefined;
}

/** Fewer points that stay within a distance of the line (Ramer, Douglas and Peucker). */
export function simplified(points: readonly Point[], within: number): Point[] {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 3) return [...points];
  let [furthest, distance] = [0, 0];
  for (let at = 1; at < points.length - 1; at++) {
    const away = distanceTo(points[at] ?? first, first, last);
    if (away > distance) [furthest, distance] = [at, away];
  }
  if (distance <= within) return [first, last];
  const before = simplified(points.slice(0, furthest + 1), within);
  return [...before.slice(0, -1), ...simplified(points.slice(furthest), within)];
}

function distanceTo([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along =
    length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
  return Math.hypot(x - ax - dx * along, y - ay - dy * along);
}
