/**
 * A pretix seating plan as far as it can be shown before it is sent.
 *
 * Invariant: nothing is refused here but what is no plan at all; whether the plan is sound the server says.
 */
import type { PlanShape } from '$lib/seats/model';
import { type Box, boxOf } from '$lib/seats/viewport';

import { type Mark, limits } from './draft';
import type { Patch } from './scene';

export interface Reading {
  name: string;
  seats: number;
  accessible: number;
  companion: number;
  /** In the order of the plan; what seats name and the plan does not declare has no colour of its own. */
  categories: readonly { name: string; color: string; seats: number }[];
  patches: readonly Patch[];
  shapes: readonly PlanShape[];
  box: Box | undefined;
  /** The plan as it was read, to say what is where. */
  document: unknown;
}

export type Unreadable = 'tooLarge' | 'noJson' | 'noPlan';

type Json = Record<string, unknown>;
type Point = readonly [number, number];

const DEFAULT_COLOR = '#808080';
const USUAL_PITCH = 25;
/** The server draws no polygon that has more. */
const MOST_CORNERS = 1_000;

/** Says it of the size before anything is read. */
export const isTooLarge = (bytes: number): boolean => bytes > limits.planBytes;

export function readPlan(text: string): Reading | Unreadable {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return 'noJson';
  }
  const plan = objectOf(document);
  if (!plan || !Array.isArray(plan['zones'])) return 'noPlan';
  return new Reader(plan).reading;
}

class Reader {
  #categories = new Map<string, { color: string; x: number[]; y: number[]; marks: number[] }>();
  #shapes: PlanShape[] = [];
  #special = { accessible: 0, companion: 0 };
  #nearest = Infinity;
  readonly reading: Reading;

  constructor(plan: Json) {
    for (const category of objectsOf(plan['categories'])) {
      this.#category(textOf(category['name']), category['color']);
    }
    for (const zone of objectsOf(plan['zones'])) this.#zone(zone);
    const pitch = Number.isFinite(this.#nearest) ? this.#nearest : USUAL_PITCH;
    const patches = [...this.#categories.values()]
      .filter(({ x }) => x.length > 0)
      .map(({ color, x, y, marks }) => ({
        color,
        pitch,
        x: Float64Array.from(x),
        y: Float64Array.from(y),
        marks: Uint8Array.from(marks),
      }));
    const boxes = [...patches.map(aroundPatch), ...this.#shapes.map(aroundShape)];
    const categories = [...this.#categories].map(([name, { color, x }]) => ({
      name,
      color,
      seats: x.length,
    }));
    this.reading = {
      name: textOf(plan['name']),
      seats: categories.reduce((all, { seats }) => all + seats, 0),
      ...this.#special,
      categories,
      patches,
      shapes: this.#shapes,
      box: boxes.length > 0 ? boxOf(boxes) : undefined,
      document: plan,
    };
  }

  #category(name: string, color: unknown) {
    let category = this.#categories.get(name);
    if (!category) {
      const known = typeof color === 'string' && /^#([\da-f]{3}|[\da-f]{6})$/i.test(color);
      category = { color: known ? color : DEFAULT_COLOR, x: [], y: [], marks: [] };
      this.#categories.set(name, category);
    }
    return category;
  }

  #zone(zone: Json): void {
    const corner = within([0, 0], zone);
    for (const row of objectsOf(zone['rows'])) {
      const start = within(corner, row);
      let before: Point | undefined;
      for (const seat of objectsOf(row['seats'])) {
        const at = within(start, seat);
        const { x, y, marks } = this.#category(textOf(seat['category']), undefined);
        x.push(at[0]);
        y.push(at[1]);
        marks.push(this.#mark(seat));
        const away = before ? Math.hypot(at[0] - before[0], at[1] - before[1]) : 0;
        if (away > 0) this.#nearest = Math.min(this.#nearest, away);
        before = at;
      }
    }
    for (const area of objectsOf(zone['areas'])) {
      const shape = shapeOf(area, corner);
      if (shape) this.#shapes.push(shape);
    }
  }

  #mark(seat: Json): number {
    const mark: Mark | undefined =
      seat['accessible'] === true
        ? 'accessible'
        : seat['companion'] === true
          ? 'companion'
          : undefined;
    if (mark) this.#special[mark]++;
    return { accessible: 1, companion: 2, none: 0 }[mark ?? 'none'];
  }
}

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Json)
    : undefined;
}

const objectsOf = (value: unknown): Json[] =>
  Array.isArray(value) ? value.map(objectOf).filter((item) => item !== undefined) : [];

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';

const numberOf = (value: unknown): number =>
  typeof value === 'number' && Math.abs(value) <= 1e7 ? value : 0;

function within([x, y]: Point, object: Json): Point {
  const position = objectOf(object['position']);
  return position ? [x + numberOf(position['x']), y + numberOf(position['y'])] : [x, y];
}

function shapeOf(area: Json, corner: Point): PlanShape | undefined {
  const [x, y] = within(corner, area);
  const text = textOf(objectOf(area['text'])?.['text']);
  const common = { x, y, rotation: numberOf(area['rotation']), text };
  switch (area['shape']) {
    case 'rectangle': {
      const sides = objectOf(area['rectangle']) ?? {};
      const [width, height] = [numberOf(sides['width']), numberOf(sides['height'])];
      return { kind: 'rectangle', ...common, width, height };
    }
    case 'circle': {
      const radius = numberOf(objectOf(area['circle'])?.['radius']);
      return { kind: 'ellipse', ...common, rx: radius, ry: radius };
    }
    case 'ellipse': {
      const radius = objectOf(objectOf(area['ellipse'])?.['radius']) ?? {};
      return { kind: 'ellipse', ...common, rx: numberOf(radius['x']), ry: numberOf(radius['y']) };
    }
    case 'polygon': {
      const corners = objectsOf(objectOf(area['polygon'])?.['points']);
      const points = corners.map((each) => [numberOf(each['x']), numberOf(each['y'])] as const);
      const drawn = points.length >= 3 && points.length <= MOST_CORNERS;
      return drawn ? { kind: 'polygon', ...common, points } : undefined;
    }
    case 'text':
      return text ? { kind: 'text', ...common } : undefined;
    default:
      return undefined;
  }
}

function aroundPatch({ x, y }: Patch): Box {
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  for (const [index, across] of x.entries()) {
    const down = y[index] ?? 0;
    box.minX = Math.min(box.minX, across);
    box.minY = Math.min(box.minY, down);
    box.maxX = Math.max(box.maxX, across);
    box.maxY = Math.max(box.maxY, down);
  }
  return box;
}

/** Roughly: turned shapes may reach a little further. */
function aroundShape({ x, y, width = 0, height = 0, rx = 0, ry = 0, points = [] }: PlanShape): Box {
  const xs = [0, width, -rx, rx, ...points.map(([px]) => px)];
  const ys = [0, height, -ry, ry, ...points.map(([, py]) => py)];
  return {
    minX: x + Math.min(...xs),
    minY: y + Math.min(...ys),
    maxX: x + Math.max(...xs),
    maxY: y + Math.max(...ys),
  };
}
