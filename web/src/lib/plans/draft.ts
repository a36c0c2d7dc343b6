/**
 * A seating plan while it is being drawn: blocks of rows, and what stands between them.
 *
 * Invariants: a draft is a value that is never changed, only replaced; ids are unique in it and never given twice, so
 * that what is made of them stays the same however often names and numbers change.
 */

export type Mark = 'accessible' | 'companion' | 'out';
export const marks: readonly Mark[] = ['accessible', 'companion', 'out'];

export interface Category {
  id: string;
  name: string;
  /** `#rrggbb`. */
  color: string;
}

/** Where the seats of a block are among each other. Lengths are in units of the plan, angles in degrees. */
export interface Form {
  rows: number;
  /** Seats of the row in front. */
  seats: number;
  /** How many more each row behind it has; halves add up. */
  grows: number;
  align: 'left' | 'middle' | 'right';
  /** How far the widest row goes around the stage: 0 is straight, 180 half a circle. */
  curve: number;
  /** After which seats of the front row, counted from the left, there is an aisle. */
  aisles: readonly number[];
  /** How wide an aisle is, in seats. */
  aisleWidth: number;
  seatPitch: number;
  rowPitch: number;
}

export interface RowNames {
  kind: 'letters' | 'numbers' | 'hangul';
  /** The place of the first name among all of its kind, from 1: `C` is 3. */
  start: number;
  /** Where the first name is. */
  from: 'front' | 'back';
}

export interface SeatNumbers {
  from: 'left' | 'right' | 'middle';
  /** From the middle all are counted, odd ones to the left and even ones to the right. */
  count: 'all' | 'odd' | 'even';
  start: number;
}

export interface Block {
  id: string;
  name: string;
  /** The id of its category. */
  category: string;
  /** So many rows in front are of another category. */
  front: { rows: number; category: string };
  /** The middle of its front row. */
  x: number;
  y: number;
  rotation: number;
  form: Form;
  rowNames: RowNames;
  numbers: SeatNumbers;
  /** By place, see `placeKey`. Marks on places that the block does not have (any more) wait for them to come back. */
  marks: Readonly<Record<string, Mark>>;
}

/** Something that is drawn and not sold. */
export interface Thing {
  id: string;
  kind: 'stage' | 'bar' | 'standing';
  text: string;
  /** Its middle. */
  x: number;
  y: number;
  width: number;
  height: number;
  rotation: number;
}
export const thingKinds: readonly Thing['kind'][] = ['stage', 'bar', 'standing'];

export interface Draft {
  name: string;
  categories: readonly Category[];
  blocks: readonly Block[];
  things: readonly Thing[];
  /** The number of the next id. */
  next: number;
}

/** What the fields of the editor take; the last two are the server's. */
export const limits = {
  rows: 200,
  seats: 300,
  grows: 20,
  /** No row gets longer, however much the rows grow. */
  seatsOfRow: 500,
  start: 9_999,
  aisles: 20,
  aisleWidth: 20,
  pitchLeast: 5,
  pitchMost: 500,
  along: 100_000,
  side: 100_000,
  name: 64,
  text: 128,
  categories: 100,
  blocks: 500,
  things: 200,
  planSeats: 100_000,
  planBytes: 16 * 1024 * 1024,
} as const;

/** The id of a row's category. */
export const categoryOfRow = ({ category, front }: Block, row: number): string =>
  row < front.rows ? front.category : category;

/** Row from the front and seat from the left, both from 0. */
export const placeKey = (row: number, seat: number): string => `${row}:${seat}`;

export const emptyDraft: Draft = { name: '', categories: [], blocks: [], things: [], next: 1 };

export const usualForm: Form = {
  rows: 8,
  seats: 12,
  grows: 0,
  align: 'middle',
  curve: 0,
  aisles: [],
  aisleWidth: 1,
  seatPitch: 26,
  rowPitch: 32,
};

type Json = Record<string, unknown>;

const isText = (value: unknown, most: number): value is string =>
  typeof value === 'string' && value.length <= most;
const isBetween = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && value >= least && value <= most;
const isWhole = (value: unknown, least: number, most: number): boolean =>
  Number.isInteger(value) && isBetween(value, least, most);
const isOneOf = (value: unknown, all: readonly string[]): boolean =>
  typeof value === 'string' && all.includes(value);
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown, most: number, is: (item: Json) => boolean): boolean =>
  Array.isArray(value) && value.length <= most && value.every((item) => isObject(item) && is(item));

const isPlaced = ({ id, x, y, rotation }: Json): boolean =>
  isText(id, 32) &&
  /^[a-z]\d+$/.test(id) &&
  isBetween(x, -limits.along, limits.along) &&
  isBetween(y, -limits.along, limits.along) &&
  isBetween(rotation, -360, 360);

function isForm(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { rows, seats, grows, align, curve, aisles, aisleWidth, seatPitch, rowPitch } = value;
  return (
    isWhole(rows, 1, limits.rows) &&
    isWhole(seats, 1, limits.seats) &&
    isBetween(grows, -limits.grows, limits.grows) &&
    isOneOf(align, ['left', 'middle', 'right']) &&
    isBetween(curve, 0, 180) &&
    Array.isArray(aisles) &&
    aisles.length <= limits.aisles &&
    aisles.every((after) => isWhole(after, 1, limits.seatsOfRow)) &&
    isBetween(aisleWidth, 0.5, limits.aisleWidth) &&
    isBetween(seatPitch, limits.pitchLeast, limits.pitchMost) &&
    isBetween(rowPitch, limits.pitchLeast, limits.pitchMost)
  );
}

const isRowNames = (value: unknown): boolean =>
  isObject(value) &&
  isOneOf(value['kind'], ['letters', 'numbers', 'hangul']) &&
  isWhole(value['start'], 1, limits.start) &&
  isOneOf(value['from'], ['front', 'back']);

const isNumbers = (value: unknown): boolean =>
  isObject(value) &&
  isOneOf(value['from'], ['left', 'right', 'middle']) &&
  isOneOf(value['count'], ['all', 'odd', 'even']) &&
  isWhole(value['start'], 0, limits.start);

const isFront = (value: unknown): boolean =>
  isObject(value) && isWhole(value['rows'], 0, limits.rows) && isText(value['category'], 32);

const isMarks = (value: unknown): boolean =>
  isObject(value) &&
  Object.entries(value).every(
    ([key, mark]) => /^\d{1,4}:\d{1,4}$/.test(key) && isOneOf(mark, marks),
  );

/** Whether something that was kept, or is in a file, is a draft that the editor can go on with. */
export function isDraft(value: unknown): value is Draft {
  if (!isObject(value)) return false;
  const { name, categories, blocks, things, next } = value;
  const known =
    isText(name, limits.text) &&
    isWhole(next, 1, Number.MAX_SAFE_INTEGER) &&
    isList(
      categories,
      limits.categories,
      ({ id, name, color }) =>
        isText(id, 32) &&
        isText(name, limits.text) &&
        isText(color, 7) &&
        /^#[\da-f]{6}$/.test(color),
    ) &&
    isList(
      blocks,
      limits.blocks,
      (block) =>
        isPlaced(block) &&
        isText(block['name'], limits.text) &&
        isText(block['category'], 32) &&
        isFront(block['front']) &&
        isForm(block['form']) &&
        isRowNames(block['rowNames']) &&
        isNumbers(block['numbers']) &&
        isMarks(block['marks']),
    ) &&
    isList(
      things,
      limits.things,
      (thing) =>
        isPlaced(thing) &&
        isOneOf(thing['kind'], thingKinds) &&
        isText(thing['text'], limits.text) &&
        isBetween(thing['width'], 1, limits.side) &&
        isBetween(thing['height'], 1, limits.side),
    );
  return known && hasSoundIds(value as unknown as Draft);
}

function hasSoundIds({ categories, blocks, things, next }: Draft): boolean {
  const ids = [...categories, ...blocks, ...things].map(({ id }) => id);
  const own = new Set(categories.map(({ id }) => id));
  return (
    new Set(ids).size === ids.length &&
    ids.every((id) => Number(id.slice(1)) < next) &&
    blocks.every(({ category, front }) => own.has(category) && own.has(front.category))
  );
}
