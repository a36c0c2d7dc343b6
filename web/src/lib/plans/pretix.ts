/**
 * A draft as a pretix seating plan, JSON schema version 0.0.1, which the server takes.
 *
 * Invariants: a seat's guid is made of its block and its place in it, so it is unique and stays the same whatever the
 * seat is called; no position is negative.
 */
import { type Block, type Draft, type Thing, categoryOfRow, isDraft, placeKey } from './draft';
import { extentOf, sidesOf, tenth } from './edits';
import { outOf, placesOf } from './geometry';
import { rowNamesOf, seatNumbersOf } from './naming';

interface Point {
  x: number;
  y: number;
}

export interface PretixSeat {
  seat_guid: string;
  seat_number: string;
  category: string;
  position: Point;
  accessible?: true;
  companion?: true;
}

interface PretixRow {
  row_number: string;
  row_number_position: 'both';
  position: Point;
  seats: PretixSeat[];
}

interface PretixArea {
  shape: 'rectangle';
  color: string;
  border_color: string;
  rotation: number;
  position: Point;
  rectangle: { width: number; height: number };
  text: { text: string; color: string; position: Point };
}

interface PretixZone {
  zone_id: string;
  name: string;
  position: Point;
  areas: PretixArea[];
  rows: PretixRow[];
}

export interface PretixPlan {
  name: string;
  size: { width: number; height: number };
  categories: { name: string; color: string }[];
  zones: PretixZone[];
  /** What the editor goes on from; others pass over it. */
  [DRAFT_KEY]?: Draft;
}

/** A file keeps its draft beside the plan, so that it can be opened again. */
export const DRAFT_KEY = 'onsale_draft';

/** Around the drawing. */
const MARGIN = 40;

/** How drawn things look in editors that show their colours; the pages here have their own. */
const LOOKS: Record<Thing['kind'], { fill: string; line: string; text: string }> = {
  stage: { fill: '#2f2f37', line: '#2f2f37', text: '#ffffff' },
  bar: { fill: '#e4ddd0', line: '#8a8174', text: '#2f2f37' },
  standing: { fill: '#f1ece2', line: '#8a8174', text: '#2f2f37' },
};

export function planOf(draft: Draft): PretixPlan {
  const extent = extentOf(draft) ?? { minX: 0, minY: 0, maxX: 0, maxY: 0 };
  const shift = { x: MARGIN - Math.floor(extent.minX), y: MARGIN - Math.floor(extent.minY) };
  const names = new Map(draft.categories.map(({ id, name }) => [id, name.trim()]));
  const drawn: PretixZone = {
    zone_id: 'drawn',
    name: '',
    position: { x: 0, y: 0 },
    areas: draft.things.map((thing) => areaOf(thing, shift)),
    rows: [],
  };
  return {
    name: draft.name.trim(),
    size: {
      width: Math.ceil(extent.maxX + shift.x + MARGIN),
      height: Math.ceil(extent.maxY + shift.y + MARGIN),
    },
    categories: draft.categories.map(({ name, color }) => ({ name: name.trim(), color })),
    zones: [
      ...(drawn.areas.length > 0 ? [drawn] : []),
      ...draft.blocks.map((block) => zoneOf(block, names, shift)),
    ],
  };
}

/** The plan with its draft, as a file. */
export function fileOf(draft: Draft): string {
  return `${JSON.stringify({ ...planOf(draft), [DRAFT_KEY]: draft })}\n`;
}

/** The draft in a file that this editor has written. */
export function draftIn(document: unknown): Draft | undefined {
  if (typeof document !== 'object' || document === null) return undefined;
  const draft = (document as Record<string, unknown>)[DRAFT_KEY];
  return isDraft(draft) ? draft : undefined;
}

const rounded = (point: readonly [number, number], shift: Point): Point => ({
  x: tenth(point[0] + shift.x),
  y: tenth(point[1] + shift.y),
});

/** From one position to another, both in tenths, without the dust of the subtraction. */
const from = (origin: Point, { x, y }: Point): Point => ({
  x: tenth(x - origin.x),
  y: tenth(y - origin.y),
});

function zoneOf(block: Block, categories: ReadonlyMap<string, string>, shift: Point): PretixZone {
  const places = placesOf(block.form);
  const out = outOf(block);
  const corner = rounded([block.x, block.y], shift);
  const names = rowNamesOf(block.rowNames, block.form.rows);
  const rows: PretixRow[] = [];
  for (const [row, name] of names.entries()) {
    const [start = 0, end = 0] = [places.starts[row], places.starts[row + 1]];
    const numbers = seatNumbersOf(block.numbers, end - start);
    const at = (index: number) => rounded(out(places.x[index] ?? 0, places.y[index] ?? 0), shift);
    const origin = start < end ? at(start) : corner;
    const category = categories.get(categoryOfRow(block, row)) ?? '';
    const seats: PretixSeat[] = [];
    for (const [seat, number] of numbers.entries()) {
      const mark = block.marks[placeKey(row, seat)];
      if (mark === 'out') continue;
      seats.push({
        seat_guid: `${block.id}-${row + 1}-${seat + 1}`,
        seat_number: String(number),
        category,
        position: from(origin, at(start + seat)),
        ...(mark ? { [mark]: true } : {}),
      });
    }
    if (seats.length === 0) continue;
    const position = from(corner, origin);
    rows.push({ row_number: name, row_number_position: 'both', position, seats });
  }
  return { zone_id: block.id, name: block.name.trim(), position: corner, areas: [], rows };
}

function areaOf(thing: Thing, shift: Point): PretixArea {
  const { minX, minY } = sidesOf(thing);
  const looks = LOOKS[thing.kind];
  const { width, height } = thing;
  return {
    shape: 'rectangle',
    color: looks.fill,
    border_color: looks.line,
    rotation: thing.rotation,
    // A rectangle is turned about its corner.
    position: rounded(outOf(thing)(minX, minY), shift),
    rectangle: { width, height },
    text: {
      text: thing.text.trim(),
      color: looks.text,
      position: { x: width / 2, y: height / 2 },
    },
  };
}
