/** A box that is drawn over the seat map, in pixels of its canvas and in units of the plan. */
import type { Box, View } from '$lib/seats/viewport';

export interface Point {
  x: number;
  y: number;
}

/** Shorter than this it is a click. */
export const LEAST_PX = 6;

/** The view that a canvas was drawn with last, as it says itself. */
export function viewOf(transform: string | undefined): View | undefined {
  const [x, y, k, ...more] = (transform ?? '').split(',').map(Number);
  if (x === undefined || y === undefined || k === undefined || more.length > 0) return undefined;
  return Number.isFinite(x) && Number.isFinite(y) && k > 0 ? { x, y, k } : undefined;
}

export function isClick(from: Point, to: Point): boolean {
  return Math.hypot(to.x - from.x, to.y - from.y) < LEAST_PX;
}

/** Around both points. */
export function around(from: Point, to: Point): Box {
  return {
    minX: Math.min(from.x, to.x),
    minY: Math.min(from.y, to.y),
    maxX: Math.max(from.x, to.x),
    maxY: Math.max(from.y, to.y),
  };
}

/** Where a point of the canvas is in the plan. */
export function inPlan({ x, y }: Point, view: View): Point {
  return { x: (x - view.x) / view.k, y: (y - view.y) / view.k };
}
