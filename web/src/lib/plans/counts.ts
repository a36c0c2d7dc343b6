/**
 * How many seats a draft has, and what is wrong with it.
 *
 * Invariant: the counts are those of the plan that is made of the draft.
 */
import { type Draft, limits } from './draft';
import { countMarks } from './edits';
import { blockBox, outOf, placesCount, placesOf } from './geometry';

export interface Counts {
  seats: number;
  accessible: number;
  companion: number;
  /** At the id of the category. */
  byCategory: ReadonlyMap<string, number>;
  /** At the id of the block. */
  byBlock: ReadonlyMap<string, number>;
}

export function countsOf(draft: Draft): Counts {
  const byCategory = new Map(draft.categories.map(({ id }) => [id, 0]));
  const byBlock = new Map<string, number>();
  const counts = { seats: 0, accessible: 0, companion: 0, byCategory, byBlock };
  const add = (category: string, seats: number) =>
    byCategory.set(category, (byCategory.get(category) ?? 0) + seats);
  for (const block of draft.blocks) {
    const special = countMarks(block);
    const seats = placesCount(block.form) - special.out;
    counts.seats += seats;
    counts.accessible += special.accessible;
    counts.companion += special.companion;
    byBlock.set(block.id, seats);
    const inFront = seatsInFront(block);
    add(block.front.category, inFront);
    add(block.category, seats - inFront);
  }
  return counts;
}

function seatsInFront({ form, front, marks }: Block): number {
  const rows = Math.min(front.rows, form.rows);
  if (rows === 0) return 0;
  return placesCount({ ...form, rows }) - countMarks({ form: { ...form, rows }, marks }).out;
}

type Block = Draft['blocks'][number];

export type Flaw =
  /** Without these being mended there is no plan. */
  | { kind: 'noName' | 'noSeats' | 'tooMany' }
  | { kind: 'categoryUnnamed' | 'categoryTwice' | 'blockLong'; name: string; id: string }
  /** These may be meant. */
  | { kind: 'blockUnnamed'; id: string }
  | { kind: 'blockTwice'; name: string; id: string }
  | { kind: 'overlap'; names: [string, string]; id: string };

const HARD: ReadonlySet<Flaw['kind']> = new Set([
  'noName',
  'noSeats',
  'tooMany',
  'categoryUnnamed',
  'categoryTwice',
  'blockLong',
]);

/** Whether the server would refuse the plan for it, or nobody could use it. */
export const isHard = ({ kind }: Flaw): boolean => HARD.has(kind);

/** What is wrong, apart from blocks that overlap, which takes longer to find. */
export function flawsOf(draft: Draft, { seats }: Counts): Flaw[] {
  const flaws: Flaw[] = [];
  if (draft.name.trim() === '') flaws.push({ kind: 'noName' });
  if (seats === 0) flaws.push({ kind: 'noSeats' });
  if (seats > limits.planSeats) flaws.push({ kind: 'tooMany' });
  const categories = new Set<string>();
  for (const { id, name: written } of draft.categories) {
    const name = written.trim();
    if (name === '') flaws.push({ kind: 'categoryUnnamed', name, id });
    else if (categories.has(name)) flaws.push({ kind: 'categoryTwice', name, id });
    categories.add(name);
  }
  const blocks = new Set<string>();
  for (const { id, name: written } of draft.blocks) {
    const name = written.trim();
    if (name === '' && draft.blocks.length > 1) flaws.push({ kind: 'blockUnnamed', id });
    else if (blocks.has(name)) flaws.push({ kind: 'blockTwice', name, id });
    if ([...name].length > limits.name) flaws.push({ kind: 'blockLong', name, id });
    blocks.add(name);
  }
  return flaws;
}

/** Seats closer than this share of the closer of their pitches are on top of each other. */
const TOO_CLOSE = 0.7;

/** Blocks that have seats on top of each other. */
export function overlapsOf({ blocks }: Draft): Flaw[] {
  const boxes = blocks.map(blockBox);
  const flaws: Flaw[] = [];
  for (const [first, a] of blocks.entries()) {
    for (const [second, b] of blocks.entries()) {
      const [boxA, boxB] = [boxes[first], boxes[second]];
      if (second <= first || !boxA || !boxB) continue;
      const apart =
        boxA.maxX < boxB.minX ||
        boxB.maxX < boxA.minX ||
        boxA.maxY < boxB.minY ||
        boxB.maxY < boxA.minY;
      if (!apart && collide(a, b)) {
        flaws.push({ kind: 'overlap', names: [a.name.trim(), b.name.trim()], id: b.id });
      }
    }
  }
  return flaws;
}

function collide(a: Block, b: Block): boolean {
  const closest = (block: Block) => Math.min(block.form.seatPitch, block.form.rowPitch);
  const least = TOO_CLOSE * Math.min(closest(a), closest(b));
  const cell = (value: number) => Math.floor(value / least);
  const cells = new Map<string, [number, number][]>();
  for (const [x, y] of seatsOf(a)) {
    const key = `${cell(x)} ${cell(y)}`;
    const there = cells.get(key);
    if (there) there.push([x, y]);
    else cells.set(key, [[x, y]]);
  }
  for (const [x, y] of seatsOf(b)) {
    for (const across of [-1, 0, 1]) {
      for (const down of [-1, 0, 1]) {
        const there = cells.get(`${cell(x) + across} ${cell(y) + down}`);
        if (there?.some(([otherX, otherY]) => Math.hypot(otherX - x, otherY - y) < least)) {
          return true;
        }
      }
    }
  }
  return false;
}

function* seatsOf(block: Block): Generator<[number, number]> {
  const places = placesOf(block.form);
  const out = outOf(block);
  for (let index = 0; index < places.count; index++) {
    if (block.marks[`${places.row[index]}:${places.seat[index]}`] === 'out') continue;
    yield out(places.x[index] ?? 0, places.y[index] ?? 0);
  }
}
