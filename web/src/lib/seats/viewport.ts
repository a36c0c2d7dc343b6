/**
 * Where the plan is on the screen: screen = plan × k + (x, y), in CSS pixels.
 *
 * Invariant: all of this is arithmetic; the same view and size always give the same answer.
 */
export interface Box {
  minX: number;
  minY: number;
  maxX: number;
  maxY: number;
}

export interface View {
  x: number;
  y: number;
  k: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Scales {
  /** The whole plan fits. */
  fit: number;
  /** Each seat is large enough for a finger. */
  touch: number;
  most: number;
}

/** The smallest target for a finger, in CSS pixels. */
export const TOUCH_PX = 44;
/** Seats are never drawn further apart than this, or a small plan would look like buttons. */
const ROOMY_PX = 56;
const CLOSEST_PX = 72;
const MARGIN_PX = 16;
/** How far the edge of the plan can be dragged inwards, so that nothing stays under the controls. */
const SLACK_PX = 64;

export function boxOf(boxes: readonly Box[]): Box {
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  for (const each of boxes) {
    box.minX = Math.min(box.minX, each.minX);
    box.minY = Math.min(box.minY, each.minY);
    box.maxX = Math.max(box.maxX, each.maxX);
    box.maxY = Math.max(box.maxY, each.maxY);
  }
  return box;
}

export function contains(outer: Box, inner: Box): boolean {
  return (
    outer.minX <= inner.minX &&
    outer.minY <= inner.minY &&
    outer.maxX >= inner.maxX &&
    outer.maxY >= inner.maxY
  );
}

/** Whether the boxes come within a margin of each other. */
export function touches(a: Box, b: Box, margin: number): boolean {
  return (
    a.minX - margin <= b.maxX &&
    a.maxX + margin >= b.minX &&
    a.minY - margin <= b.maxY &&
    a.maxY + margin >= b.minY
  );
}

export function scalesOf(box: Box, { width, height }: Size, pitch: number): Scales {
  const across = Math.max(1, width - 2 * MARGIN_PX) / Math.max(1e-6, box.maxX - box.minX);
  const down = Math.max(1, height - 2 * MARGIN_PX) / Math.max(1e-6, box.maxY - box.minY);
  const fit = Math.min(across, down, ROOMY_PX / pitch);
  return { fit, touch: Math.max(fit, TOUCH_PX / pitch), most: Math.max(fit, CLOSEST_PX / pitch) };
}

/** The box in the middle, at a scale. */
export function viewOf(box: Box, size: Size, k: number): View {
  return centredOn((box.minX + box.maxX) / 2, (box.minY + box.maxY) / 2, size, k);
}

export function centredOn(x: number, y: number, { width, height }: Size, k: number): View {
  return { x: width / 2 - x * k, y: height / 2 - y * k, k };
}

/** Another scale, with a point of the screen staying where it is. */
export function scaledAt(view: View, screenX: number, screenY: number, k: number): View {
  const by = k / view.k;
  return { x: screenX - (screenX - view.x) * by, y: screenY - (screenY - view.y) * by, k };
}

/** What of the plan is on the screen. */
export function seenBox(view: View, { width, height }: Size): Box {
  return {
    minX: -view.x / view.k,
    minY: -view.y / view.k,
    maxX: (width - view.x) / view.k,
    maxY: (height - view.y) / view.k,
  };
}

/** The nearest view in which the plan is not lost out of sight. */
export function constrained(view: View, box: Box, { width, height }: Size): View {
  return {
    x: kept(view.x, box.minX * view.k, box.maxX * view.k, width),
    y: kept(view.y, box.minY * view.k, box.maxY * view.k, height),
    k: view.k,
  };
}

function kept(shift: number, start: number, end: number, length: number): number {
  const [least, most] = [length - SLACK_PX - end, SLACK_PX - start];
  if (least > most) return (least + most) / 2;
  return Math.min(most, Math.max(least, shift));
}

/**
 * A view on the way from one to another, for t from 0 to 1: what will be in the middle moves there in a straight line
 * while the scale changes evenly.
 */
export function between(from: View, to: View, { width, height }: Size, t: number): View {
  if (t >= 1) return to;
  const k = from.k ** (1 - t) * to.k ** t;
  const [x, y] = [(width / 2 - to.x) / to.k, (height / 2 - to.y) / to.k];
  const [fromX, fromY] = [x * from.k + from.x, y * from.k + from.y];
  return {
    x: fromX + (width / 2 - fromX) * t - x * k,
    y: fromY + (height / 2 - fromY) * t - y * k,
    k,
  };
}
