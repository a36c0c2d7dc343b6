/**
 * Where the seats of a block are.
 *
 * Invariants: neighbours in a row are exactly one pitch apart, or one pitch and an aisle, on a curve as on a line;
 * all of this is arithmetic, and the same form always gives the same places.
 */
import type { Box } from '$lib/seats/viewport';

import { type Block, type Form, limits } from './draft';

/** The places of a form, row after row, each from left to right. */
export interface Places {
  count: number;
  /** From the middle of the front row, before the block is turned. */
  x: Float64Array;
  y: Float64Array;
  row: Uint16Array;
  /** From the left, in its row. */
  seat: Uint16Array;
  /** For each row the index of its first place, and after the last row the count. */
  starts: readonly number[];
  box: Box;
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** How many places a row has, the front row being 0. */
export function seatsOfRow({ seats, grows }: Form, row: number): number {
  return Math.min(limits.seatsOfRow, Math.max(0, seats + Math.trunc(grows * row)));
}

export function placesCount(form: Form): number {
  let count = 0;
  for (let row = 0; row < form.rows; row++) count += seatsOfRow(form, row);
  return count;
}

/** After which of its seats a row has an aisle, so that aisles lead straight through rows of different lengths. */
export function aislesOfRow(form: Form, row: number): ReadonlySet<number> {
  const more = seatsOfRow(form, row) - form.seats;
  const shift = { left: 0, middle: Math.floor(more / 2), right: more }[form.align];
  return new Set(form.aisles.map((after) => after + shift));
}

/** For each seat of a row how far it is from the one before it; nothing for the first. */
function stepsOfRow(form: Form, row: number): number[] {
  const aisles = aislesOfRow(form, row);
  const wide = form.seatPitch * (1 + form.aisleWidth);
  return Array.from({ length: seatsOfRow(form, row) }, (_, seat) =>
    seat === 0 ? 0 : aisles.has(seat) ? wide : form.seatPitch,
  );
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** The radius of the front row, with which no row goes further around than the curve says. */
function radiusOf(form: Form, rows: readonly number[][]): number {
  const needed = rows.map((steps, row) => sum(steps) / radians(form.curve) - row * form.rowPitch);
  return Math.max(form.seatPitch, ...needed);
}

function laidOut(form: Form): Places {
  const rows = Array.from({ length: form.rows }, (_, row) => stepsOfRow(form, row));
  const count = sum(rows.map(({ length }) => length));
  const places = {
    count,
    x: new Float64Array(count),
    y: new Float64Array(count),
    row: new Uint16Array(count),
    seat: new Uint16Array(count),
  };
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  const curved = form.curve > 0;
  const front = curved ? radiusOf(form, rows) : 0;
  const starts: number[] = [];
  let at = 0;
  let edge = 0;
  for (const [row, steps] of rows.entries()) {
    starts.push(at);
    const radius = front + row * form.rowPitch;
    // On a curve the way from seat to seat is the chord, so that no two come closer than they should.
    const ways = curved
      ? steps.map((step) => 2 * Math.asin(Math.min(1, step / 2 / radius)))
      : steps;
    const whole = sum(ways);
    if (row === 0) edge = whole / 2;
    let along = { left: -edge, middle: -whole / 2, right: edge - whole }[form.align];
    for (const [seat, way] of ways.entries()) {
      along += way;
      const x = curved ? radius * Math.sin(along) : along;
      const y = curved ? radius * Math.cos(along) - front : row * form.rowPitch;
      places.x[at] = x;
      places.y[at] = y;
      places.row[at] = row;
      places.seat[at] = seat;
      box.minX = Math.min(box.minX, x);
      box.minY = Math.min(box.minY, y);
      box.maxX = Math.max(box.maxX, x);
      box.maxY = Math.max(box.maxY, y);
      at++;
    }
  }
  starts.push(at);
  return { ...places, starts, box: count > 0 ? box : { minX: 0, minY: 0, maxX: 0, maxY: 0 } };
}

const known = new WeakMap<Form, Places>();

export function placesOf(form: Form): Places {
  let places = known.get(form);
  if (!places) known.set(form, (places = laidOut(form)));
  return places;
}

interface Placed {
  x: number;
  y: number;
  rotation: number;
}

/** From within a block or a thing to the plan. */
export function outOf({ x, y, rotation }: Placed): (x: number, y: number) => [number, number] {
  const [sin, cos] = [Math.sin(radians(rotation)), Math.cos(radians(rotation))];
  return (localX, localY) => [x + localX * cos - localY * sin, y + localX * sin + localY * cos];
}

/** From the plan into a block or a thing. */
export function into({ x, y, rotation }: Placed): (x: number, y: number) => [number, number] {
  const [sin, cos] = [Math.sin(radians(rotation)), Math.cos(radians(rotation))];
  return (planX, planY) => [
    (planX - x) * cos + (planY - y) * sin,
    (planY - y) * cos - (planX - x) * sin,
  ];
}

/** The corners of a box within a block or a thing, on the plan, in order. */
export function cornersOf(of: Placed, { minX, minY, maxX, maxY }: Box): [number, number][] {
  const out = outOf(of);
  return [out(minX, minY), out(maxX, minY), out(maxX, maxY), out(minX, maxY)];
}

export function around(points: readonly (readonly [number, number])[]): Box {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return {
    minX: Math.min(...xs),
    minY: Math.min(...ys),
    maxX: Math.max(...xs),
    maxY: Math.max(...ys),
  };
}

/** The box of a block with half a seat around its places. */
export function formBox(form: Form): Box {
  const { box } = placesOf(form);
  const [across, down] = [form.seatPitch / 2, form.rowPitch / 2];
  return {
    minX: box.minX - across,
    minY: box.minY - down,
    maxX: box.maxX + across,
    maxY: box.maxY + down,
  };
}

/** On the plan. */
export const blockBox = (block: Block): Box => around(cornersOf(block, formBox(block.form)));

/** The same block, turned about its middle. */
export function turned(block: Block, rotation: number): Block {
  const { box } = placesOf(block.form);
  const [midX, midY] = [(box.minX + box.maxX) / 2, (box.minY + box.maxY) / 2];
  const [wasX, wasY] = outOf(block)(midX, midY);
  const [isX, isY] = outOf({ ...block, rotation })(midX, midY);
  return {
    ...block,
    rotation,
    x: Math.round((block.x + wasX - isX) * 10) / 10,
    y: Math.round((block.y + wasY - isY) * 10) / 10,
  };
}

/** As an angle from -179 to 180 degrees. */
export function normalised(degrees: number): number {
  const within = ((degrees % 360) + 360) % 360;
  return within > 180 ? within - 360 : within;
}

/** The index of the place of a block that is nearest to a point of the plan, and how far it is. */
export function nearestPlace(
  block: Block,
  x: number,
  y: number,
): { index: number; away: number } | undefined {
  const places = placesOf(block.form);
  const [localX, localY] = into(block)(x, y);
  let best: { index: number; away: number } | undefined;
  for (let index = 0; index < places.count; index++) {
    const away = Math.hypot((places.x[index] ?? 0) - localX, (places.y[index] ?? 0) - localY);
    if (!best || away < best.away) best = { index, away };
  }
  return best;
}
