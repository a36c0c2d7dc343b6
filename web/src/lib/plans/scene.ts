/**
 * What is drawn of a plan: seats by colour, and shapes.
 *
 * Invariant: a block that has not changed is not computed again.
 */
import type { PlanShape } from '$lib/seats/model';
import { type Box, boxOf } from '$lib/seats/viewport';

import { type Block, type Draft, type Thing, categoryOfRow, marks, placeKey } from './draft';
import { extentOf, sidesOf } from './edits';
import { outOf, placesOf } from './geometry';

/** Seats of one colour. */
export interface Patch {
  color: string;
  /** How far neighbours are from each other. */
  pitch: number;
  x: Float64Array;
  y: Float64Array;
  /** 0 for an ordinary seat, or one more than the place of its mark among `marks`. */
  marks: Uint8Array;
}

export interface Scene {
  patches: readonly Patch[];
  shapes: readonly PlanShape[];
  box: Box | undefined;
}

interface Drawn extends Omit<Patch, 'color'> {
  category: string;
}

const known = new WeakMap<Block, readonly Drawn[]>();

/** The seats of a block, those of each of its categories by themselves. */
export function drawnOf(block: Block): readonly Drawn[] {
  let drawn = known.get(block);
  if (!drawn) known.set(block, (drawn = drawnAnew(block)));
  return drawn;
}

function drawnAnew(block: Block): readonly Drawn[] {
  const places = placesOf(block.form);
  const out = outOf(block);
  const pitch = Math.min(block.form.seatPitch, block.form.rowPitch);
  const split = places.starts[Math.min(block.front.rows, block.form.rows)] ?? 0;
  const slice = (from: number, to: number): Drawn => {
    const count = to - from;
    const drawn = {
      category: categoryOfRow(block, places.row[from] ?? 0),
      pitch,
      x: new Float64Array(count),
      y: new Float64Array(count),
      marks: new Uint8Array(count),
    };
    const special = Object.keys(block.marks).length > 0;
    for (let index = 0; index < count; index++) {
      const place = from + index;
      const [x, y] = out(places.x[place] ?? 0, places.y[place] ?? 0);
      drawn.x[index] = x;
      drawn.y[index] = y;
      if (!special) continue;
      const mark = block.marks[placeKey(places.row[place] ?? 0, places.seat[place] ?? 0)];
      if (mark) drawn.marks[index] = marks.indexOf(mark) + 1;
    }
    return drawn;
  };
  return [slice(0, split), slice(split, places.count)].filter(({ x }) => x.length > 0);
}

/** As in a plan that was sent: a rectangle is turned about its corner. */
export function shapeOfThing(thing: Thing): PlanShape {
  const { minX, minY } = sidesOf(thing);
  const [x, y] = outOf(thing)(minX, minY);
  const { width, height, rotation, text } = thing;
  return { kind: 'rectangle', x, y, width, height, rotation, text };
}

export function sceneOf(draft: Draft): Scene {
  const colors = new Map(draft.categories.map(({ id, color }) => [id, color]));
  const patches = draft.blocks.flatMap((block) =>
    drawnOf(block).map((drawn) => ({ ...drawn, color: colors.get(drawn.category) ?? '' })),
  );
  const box = extentOf(draft);
  return { patches, shapes: draft.things.map(shapeOfThing), box: box && boxOf([box]) };
}
