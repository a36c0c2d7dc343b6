/**
 * The seats of a performance's plan, flattened once for drawing, finding and listing.
 *
 * Invariants: nothing here changes after construction; every array is indexed by the id of a seat; ids that the plan
 * does not have are unknown to every question.
 */
import Flatbush from 'flatbush';

import type { components } from '$lib/api/schema';

import { type Space, spaceCode, spaces } from './spaces';
import { type Box, boxOf } from './viewport';

export type SeatStatus = 'available' | 'held' | 'sold' | 'blocked';

/** In the order of their codes on the wire. */
export const statuses: readonly SeatStatus[] = ['available', 'held', 'sold', 'blocked'];

export type Plan = components['schemas']['PerformancePlan'];
export type Category = components['schemas']['PlanCategory'];

export interface Seat {
  id: number;
  label: string;
  section: string;
  row: string;
  category: string;
  x: number;
  y: number;
  price: components['schemas']['Money'];
  /** A space for a wheelchair, or the seat that goes with one. */
  space: Space | undefined;
}

export interface SeatRow {
  /** Its place among all rows of the plan. */
  index: number;
  label: string;
  section: number;
  ids: readonly number[];
}

export interface SeatSection {
  /** Its place among the sections of the plan. */
  index: number;
  label: string;
  rows: readonly SeatRow[];
  count: number;
  /** How many of its seats are spaces for wheelchairs, or go with one. */
  spaces: number;
  /** The category most of its seats have, as an index. */
  category: number;
  /** All that its seats have, the dearest first. */
  categories: readonly number[];
  box: Box;
}

/** Something that is drawn and not sold. The interface document does not describe it. */
export interface PlanShape {
  kind: 'rectangle' | 'circle' | 'ellipse' | 'polygon' | 'text';
  x: number;
  y: number;
  rotation?: number;
  text?: string | null;
  width?: number;
  height?: number;
  radius?: number;
  rx?: number;
  ry?: number;
  points?: readonly (readonly [number, number])[];
}

/** Between neighbours, where a plan has too few seats to tell. */
const USUAL_PITCH = 25;

export class SeatingModel {
  readonly plan: Plan;
  readonly categories: readonly Category[];
  readonly sections: readonly SeatSection[];
  readonly rows: readonly SeatRow[];
  readonly shapes: readonly PlanShape[];
  readonly count: number;
  /** How many of its seats are spaces for wheelchairs, or go with one. */
  readonly spaces: number;
  /** What some of them are kept for. */
  readonly kept: readonly Space[];
  /** How far neighbours are from each other where they are closest, in units of the plan. */
  readonly pitch: number;
  /** Around all that is drawn. */
  readonly box: Box;
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Index of the seat's category. */
  readonly category: Uint16Array;
  /** Index of the seat's row. */
  readonly row: Uint32Array;
  /** Index of the seat's section. */
  readonly section: Uint16Array;
  /** Code of what the seat is kept for, as `spaces` numbers them. */
  readonly space: Uint8Array;
  readonly #labels: string[];
  readonly #ids: readonly number[];
  readonly #index: Flatbush | undefined;

  constructor(plan: Plan) {
    this.plan = plan;
    this.categories = plan.categories;
    this.shapes = plan.shapes as unknown as PlanShape[];
    const ids = plan.sections.flatMap((s) => s.rows.flatMap((r) => r.seats.map((seat) => seat.id)));
    const last = ids.reduce((most, id) => Math.max(most, id), 0);
    this.#ids = ids;
    this.count = ids.length;
    this.x = new Float64Array(last + 1);
    this.y = new Float64Array(last + 1);
    this.category = new Uint16Array(last + 1);
    this.row = new Uint32Array(last + 1);
    this.section = new Uint16Array(last + 1);
    this.space = new Uint8Array(last + 1);
    this.#labels = new Array<string>(last + 1).fill('');
    this.rows = [];
    this.sections = this.#flatten(plan);
    this.spaces = this.sections.reduce((sum, section) => sum + section.spaces, 0);
    const codes = new Set(this.space);
    this.kept = spaces.flatMap((space, code) => (space && codes.has(code) ? [space] : []));
    this.#index = this.#indexed();
    this.pitch = this.#measured();
    this.box = this.#around();
  }

  has(id: number): boolean {
    return this.#labels[id] !== undefined && this.#labels[id] !== '';
  }

  seat(id: number): Seat | undefined {
    if (!this.has(id)) return undefined;
    const row = this.rows[this.row[id] ?? 0];
    const category = this.categories[this.category[id] ?? 0];
    return {
      id,
      label: this.label(id),
      section: this.sections[this.section[id] ?? 0]?.label ?? '',
      row: row?.label ?? '',
      category: category?.name ?? '',
      x: this.x[id] ?? 0,
      y: this.y[id] ?? 0,
      price: category?.price ?? { amount: 0, currency: 'KRW' },
      space: this.spaceOf(id),
    };
  }

  spaceOf(id: number): Space | undefined {
    return spaces[this.space[id] ?? 0];
  }

  label(id: number): string {
    return this.#labels[id] ?? '';
  }

  /** What tells the seat from others of its row: `12` of `A-12`. */
  number(id: number): string {
    const label = this.label(id);
    return label.slice(label.lastIndexOf('-') + 1) || label;
  }

  ids(): readonly number[] {
    return this.#ids;
  }

  /** Ids of the seats whose middle is in the box. */
  within(box: Box): number[] {
    const found = this.#index?.search(box.minX, box.minY, box.maxX, box.maxY) ?? [];
    return found.map((index) => this.#ids[index] ?? 0);
  }

  /** Ids of the seats nearest to a point, the nearest first. */
  nearest(
    x: number,
    y: number,
    most: number,
    within = Infinity,
    wanted?: (id: number) => boolean,
  ): number[] {
    const filter = wanted && ((index: number) => wanted(this.#ids[index] ?? 0));
    const found = this.#index?.neighbors(x, y, most, within, filter) ?? [];
    return found.map((index) => this.#ids[index] ?? 0);
  }

  distance(id: number, x: number, y: number): number {
    return Math.hypot((this.x[id] ?? 0) - x, (this.y[id] ?? 0) - y);
  }

  #flatten(plan: Plan): SeatSection[] {
    const categoryOf = new Map(plan.categories.map(({ name }, index) => [name, index]));
    const rows = this.rows as SeatRow[];
    return plan.sections.map((section, index) => {
      const perCategory = new Map<number, number>();
      const first = rows.length;
      const box = boxOf([]);
      for (const row of section.rows) {
        for (const seat of row.seats) {
          const category = categoryOf.get(seat.category) ?? 0;
          this.x[seat.id] = seat.x;
          this.y[seat.id] = seat.y;
          this.category[seat.id] = category;
          this.row[seat.id] = rows.length;
          this.section[seat.id] = index;
          this.space[seat.id] = spaceCode(seat);
          this.#labels[seat.id] = seat.label || String(seat.id);
          perCategory.set(category, (perCategory.get(category) ?? 0) + 1);
          box.minX = Math.min(box.minX, seat.x);
          box.minY = Math.min(box.minY, seat.y);
          box.maxX = Math.max(box.maxX, seat.x);
          box.maxY = Math.max(box.maxY, seat.y);
        }
        const ids = row.seats.map((seat) => seat.id);
        rows.push({ index: rows.length, label: row.label, section: index, ids });
      }
      const [category] = [...perCategory].sort((a, b) => b[1] - a[1])[0] ?? [0];
      const own = rows.slice(first);
      const count = own.reduce((sum, row) => sum + row.ids.length, 0);
      const kept = own.flatMap((row) => row.ids.filter((id) => this.space[id] !== 0)).length;
      const price = (each: number) => plan.categories[each]?.price.amount ?? 0;
      const categories = [...perCategory.keys()].sort((a, b) => price(b) - price(a));
      const { label } = section;
      return { index, label, rows: own, count, spaces: kept, category, categories, box };
    });
  }

  #indexed(): Flatbush | undefined {
    if (this.count === 0) return undefined;
    const index = new Flatbush(this.count, 16, Float64Array);
    for (const id of this.#ids) index.add(this.x[id] ?? 0, this.y[id] ?? 0);
    index.finish();
    return index;
  }

  /**
   * The shortest distance between neighbours, over a sample spread through the plan: what is large enough there is
   * large enough everywhere. Seats drawn over one another, by a slip of the plan's maker, do not count.
   */
  #measured(): number {
    const step = Math.max(1, Math.floor(this.count / 2048));
    const gaps: number[] = [];
    for (let at = 0; at < this.count; at += step) {
      const id = this.#ids[at] ?? 0;
      const [x, y] = [this.x[id] ?? 0, this.y[id] ?? 0];
      const neighbour = this.nearest(x, y, 1, Infinity, (other) => other !== id)[0];
      const gap = neighbour === undefined ? 0 : this.distance(neighbour, x, y);
      if (gap > 0) gaps.push(gap);
    }
    gaps.sort((a, b) => a - b);
    const median = gaps[gaps.length >> 1] ?? USUAL_PITCH;
    return gaps.find((gap) => gap > median / 2) ?? median;
  }

  #around(): Box {
    const around = boxOf(this.sections.filter((s) => s.count > 0).map((s) => s.box));
    const half = this.pitch / 2;
    const seats = {
      minX: around.minX - half,
      minY: around.minY - half,
      maxX: around.maxX + half,
      maxY: around.maxY + half,
    };
    const box = boxOf([...(this.count > 0 ? [seats] : []), ...this.shapes.map(boxOfShape)]);
    if (Number.isFinite(box.minX)) return box;
    return { minX: 0, minY: 0, maxX: this.plan.size.width, maxY: this.plan.size.height };
  }
}

/** Around a shape, generously where it is turned. */
function boxOfShape(shape: PlanShape): Box {
  const corners = cornersOf(shape);
  const turn = ((shape.rotation ?? 0) * Math.PI) / 180;
  const [sin, cos] = [Math.sin(turn), Math.cos(turn)];
  return boxOf(
    corners.map(([x, y]) => {
      const [atX, atY] = [shape.x + x * cos - y * sin, shape.y + x * sin + y * cos];
      return { minX: atX, minY: atY, maxX: atX, maxY: atY };
    }),
  );
}

function cornersOf(shape: PlanShape): (readonly [number, number])[] {
  const { kind, width = 0, height = 0, radius = 0, points = [] } = shape;
  const [rx, ry] = [shape.rx ?? radius, shape.ry ?? radius];
  switch (kind) {
    case 'rectangle':
      return [[0, 0], [width, 0], [width, height], [0, height]]; // prettier-ignore
    case 'polygon':
      return [...points];
    default:
      return [[-rx, -ry], [rx, -ry], [rx, ry], [-rx, ry]]; // prettier-ignore
  }
}
