/**
 * What can be done to a draft.
 *
 * Invariants: a draft that comes out is sound if the one that went in was; what is not named stays the same object, so
 * that what was computed from it still holds.
 */
import {
  type Block,
  type Category,
  type Draft,
  type Mark,
  type Thing,
  limits,
  marks,
  placeKey,
  usualForm,
} from './draft';
import { around, blockBox, cornersOf, normalised, seatsOfRow } from './geometry';

import type { Box } from '$lib/seats/viewport';

/** Between a new block and what is there. */
const GAP = 60;

export interface Words {
  block: (count: number) => string;
  category: (count: number) => string;
  copy: (name: string) => string;
  things: Record<Thing['kind'], string>;
}

export const isBlock = (draft: Draft, id: string): boolean =>
  draft.blocks.some((block) => block.id === id);

export const boxOfThing = (thing: Thing): Box => around(cornersOf(thing, sidesOf(thing)));

/** A thing's own box, around its middle. */
export const sidesOf = ({ width, height }: Thing): Box => ({
  minX: -width / 2,
  minY: -height / 2,
  maxX: width / 2,
  maxY: height / 2,
});

/** Around all that is drawn; nothing where nothing is. */
export function extentOf(draft: Draft): Box | undefined {
  const boxes = [...draft.blocks.map(blockBox), ...draft.things.map(boxOfThing)];
  if (boxes.length === 0) return undefined;
  return around(
    boxes.flatMap(({ minX, minY, maxX, maxY }) => [[minX, minY] as const, [maxX, maxY]]),
  );
}

/** A value within limits, in steps of a tenth: finer than a drawing needs. */
export const tenth = (value: number): number => Math.round(value * 10) / 10;

const kept = (value: number) => tenth(Math.min(limits.along, Math.max(-limits.along, value)));

export function changedBlock(draft: Draft, id: string, change: (block: Block) => Block): Draft {
  return {
    ...draft,
    blocks: draft.blocks.map((block) => (block.id === id ? change(block) : block)),
  };
}

export function changedThing(draft: Draft, id: string, change: (thing: Thing) => Thing): Draft {
  return {
    ...draft,
    things: draft.things.map((thing) => (thing.id === id ? change(thing) : thing)),
  };
}

/** Moves a block or a thing to a place. */
export function moved(draft: Draft, id: string, x: number, y: number): Draft {
  const place = { x: kept(x), y: kept(y) };
  return isBlock(draft, id)
    ? changedBlock(draft, id, (block) => ({ ...block, ...place }))
    : changedThing(draft, id, (thing) => ({ ...thing, ...place }));
}

function withId(draft: Draft, letter: string): { id: string; next: number } {
  return { id: `${letter}${draft.next}`, next: draft.next + 1 };
}

/** A block of the usual form under all that is there, and its id. */
export function withBlock(draft: Draft, words: Words, colors: readonly string[]): [Draft, string] {
  const ready =
    draft.categories.length > 0 ? draft : withCategory(draft, words.category(1), colors);
  const { id, next } = withId(ready, 'b');
  const extent = extentOf(ready);
  const block: Block = {
    id,
    name: unusedName(ready.blocks, words.block),
    category: ready.categories[0]?.id ?? '',
    front: { rows: 0, category: ready.categories[0]?.id ?? '' },
    x: extent ? kept((extent.minX + extent.maxX) / 2) : 0,
    y: extent ? kept(extent.maxY + GAP) : 0,
    rotation: 0,
    form: usualForm,
    rowNames: { kind: 'letters', start: 1, from: 'front' },
    numbers: { from: 'left', count: 'all', start: 1 },
    marks: {},
  };
  return [{ ...ready, blocks: [...ready.blocks, block], next }, id];
}

const SIDES: Record<Thing['kind'], { width: number; height: number }> = {
  stage: { width: 320, height: 90 },
  bar: { width: 160, height: 60 },
  standing: { width: 320, height: 160 },
};

/** A stage goes above all that is there, the rest under it. */
export function withThing(draft: Draft, kind: Thing['kind'], words: Words): [Draft, string] {
  const { id, next } = withId(draft, 't');
  const { width, height } = SIDES[kind];
  const extent = extentOf(draft);
  const y = !extent
    ? 0
    : kind === 'stage'
      ? extent.minY - GAP - height / 2
      : extent.maxY + GAP + height / 2;
  const thing: Thing = {
    id,
    kind,
    text: words.things[kind],
    x: extent ? kept((extent.minX + extent.maxX) / 2) : 0,
    y: kept(y),
    width,
    height,
    rotation: 0,
  };
  return [{ ...draft, things: [...draft.things, thing], next }, id];
}

function unusedName(named: readonly { name: string }[], nth: (count: number) => string): string {
  const used = new Set(named.map(({ name }) => name.trim()));
  let count = named.length + 1;
  while (used.has(nth(count))) count++;
  return nth(count);
}

/** The same again beside it, and its id. */
export function duplicated(draft: Draft, id: string, words: Words): [Draft, string] {
  const block = draft.blocks.find((each) => each.id === id);
  if (block) {
    const { minX, maxX } = blockBox(block);
    const copy = {
      ...block,
      name: copyName(draft, block.name, words),
      x: kept(block.x + maxX - minX + GAP / 2),
    };
    return inserted(draft, copy);
  }
  const thing = draft.things.find((each) => each.id === id);
  if (!thing) return [draft, id];
  const made = withId(draft, 't');
  const copy = { ...thing, id: made.id, x: kept(thing.x + thing.width + GAP / 2) };
  return [{ ...draft, things: [...draft.things, copy], next: made.next }, made.id];
}

function copyName(draft: Draft, name: string, words: Words): string {
  if (name.trim() === '') return '';
  const used = new Set(draft.blocks.map((block) => block.name.trim()));
  // What ends in a number or a single letter goes on from there: Stand 2, Block C.
  const numbered = /^(.*\D)?(\d{1,4})$/u.exec(name.trim());
  if (numbered) {
    let count = Number(numbered[2]) + 1;
    while (used.has(`${numbered[1] ?? ''}${count}`)) count++;
    return `${numbered[1] ?? ''}${count}`;
  }
  let copy = words.copy(name.trim());
  while (used.has(copy)) copy = words.copy(copy);
  return copy;
}

function inserted(draft: Draft, block: Block): [Draft, string] {
  const { id, next } = withId(draft, 'b');
  return [{ ...draft, blocks: [...draft.blocks, { ...block, id }], next }, id];
}

const otherSide = { left: 'right', middle: 'middle', right: 'left' } as const;

/** The block as in a mirror that stands behind the middle of its front row. */
export function mirrored(block: Block): Block {
  const { form } = block;
  const ofMirror = Object.entries(block.marks).map(([key, mark]) => {
    const [row = 0, seat = 0] = key.split(':').map(Number);
    const last = seatsOfRow(form, row) - 1;
    return [seat <= last ? placeKey(row, last - seat) : key, mark] as const;
  });
  return {
    ...block,
    rotation: normalised(-block.rotation),
    form: {
      ...form,
      align: otherSide[form.align],
      aisles: form.aisles
        .map((after) => form.seats - after)
        .filter((after) => after > 0)
        .sort((a, b) => a - b),
    },
    numbers: { ...block.numbers, from: otherSide[block.numbers.from] },
    marks: Object.fromEntries(ofMirror),
  };
}

/** What the two sides of the house lie around: the middle of its stage, or of everything. */
export function axisOf(draft: Draft): number {
  const stage = draft.things.find(({ kind }) => kind === 'stage');
  const extent = extentOf(draft);
  return stage?.x ?? (extent ? (extent.minX + extent.maxX) / 2 : 0);
}

/** A mirrored copy on the other side of the house, and its id. */
export function copiedAcross(draft: Draft, id: string, words: Words): [Draft, string] {
  const block = draft.blocks.find((each) => each.id === id);
  if (!block) return [draft, id];
  const copy = mirrored(block);
  const name = copyName(draft, block.name, words);
  return inserted(draft, { ...copy, name, x: kept(2 * axisOf(draft) - block.x) });
}

export function without(draft: Draft, id: string): Draft {
  return {
    ...draft,
    blocks: draft.blocks.filter((block) => block.id !== id),
    things: draft.things.filter((thing) => thing.id !== id),
  };
}

/** Marks a place; a mark that is there already is taken away. */
export function marked(block: Block, row: number, seat: number, mark: Mark | undefined): Block {
  const { [placeKey(row, seat)]: was, ...others } = block.marks;
  const now = was === mark ? undefined : mark;
  return { ...block, marks: now ? { ...others, [placeKey(row, seat)]: now } : others };
}

/** For each place of a row what it is marked as. */
export function marksOfRow(block: Block, row: number): (Mark | undefined)[] {
  return Array.from(
    { length: seatsOfRow(block.form, row) },
    (_, seat) => block.marks[placeKey(row, seat)],
  );
}

/** For rows that have any, how many places are marked, and how many of these as taken out. */
export function countMarksByRow({
  form,
  marks: all,
}: Block): ReadonlyMap<number, { marked: number; out: number }> {
  const rows = new Map<number, { marked: number; out: number }>();
  for (const [key, mark] of Object.entries(all)) {
    const [row = 0, seat = 0] = key.split(':').map(Number);
    if (row >= form.rows || seat >= seatsOfRow(form, row)) continue;
    const { marked, out } = rows.get(row) ?? { marked: 0, out: 0 };
    rows.set(row, { marked: marked + 1, out: out + (mark === 'out' ? 1 : 0) });
  }
  return rows;
}

/** Marks of places that the block has. */
export function countMarks({
  form,
  marks: all,
}: Pick<Block, 'form' | 'marks'>): Record<Mark, number> {
  const counts = Object.fromEntries(marks.map((mark) => [mark, 0])) as Record<Mark, number>;
  for (const [key, mark] of Object.entries(all)) {
    const [row = 0, seat = 0] = key.split(':').map(Number);
    if (row < form.rows && seat < seatsOfRow(form, row)) counts[mark]++;
  }
  return counts;
}

/** A category more, in the colour that is used least. */
export function withCategory(draft: Draft, name: string, colors: readonly string[]): Draft {
  const { id, next } = withId(draft, 'c');
  const uses = (color: string) => draft.categories.filter((each) => each.color === color).length;
  const color = colors.reduce(
    (best, each) => (uses(each) < uses(best) ? each : best),
    colors[0] ?? '#808080',
  );
  return { ...draft, categories: [...draft.categories, { id, name, color }], next };
}

export const newCategoryName = (draft: Draft, words: Words): string =>
  unusedName(draft.categories, words.category);

export function changedCategory(draft: Draft, id: string, change: Partial<Category>): Draft {
  return {
    ...draft,
    categories: draft.categories.map((each) => (each.id === id ? { ...each, ...change } : each)),
  };
}

/** Its seats go to the first of the others; the last category of seats stays. */
export function withoutCategory(draft: Draft, id: string): Draft {
  const categories = draft.categories.filter((each) => each.id !== id);
  const heir = categories[0]?.id;
  if (draft.blocks.length > 0 && heir === undefined) return draft;
  const other = (category: string) => (category === id ? (heir ?? '') : category);
  const blocks = draft.blocks.map((block) =>
    block.category === id || block.front.category === id
      ? {
          ...block,
          category: other(block.category),
          front: { ...block.front, category: other(block.front.category) },
        }
      : block,
  );
  return { ...draft, categories, blocks };
}
