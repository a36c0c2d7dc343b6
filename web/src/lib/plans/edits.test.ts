import { describe, expect, it } from 'vitest';

import { countsOf, flawsOf, overlapsOf } from './counts';
import { type Draft, isDraft, limits } from './draft';
import {
  changedBlock,
  copiedAcross,
  countMarks,
  duplicated,
  marked,
  mirrored,
  withBlock,
  withCategory,
  withThing,
  without,
  withoutCategory,
} from './edits';
import { blockBox } from './geometry';
import { block, draft, editWords, templateWords } from './samples';
import { template, templateNames } from './templates';

const colors = ['#1f7bd8', '#bb6215'];
const kinds = (of: Draft) => flawsOf(of, countsOf(of)).map(({ kind }) => kind);

describe('marks', () => {
  it('are set, changed and taken away', () => {
    let of = marked(block(), 1, 2, 'accessible');
    expect(of.marks).toEqual({ '1:2': 'accessible' });
    of = marked(of, 1, 2, 'out');
    expect(of.marks).toEqual({ '1:2': 'out' });
    expect(marked(of, 1, 2, 'out').marks).toEqual({});
  });

  it('survive a change of rows, and come back with the places that they are on', () => {
    const of = block({}, { marks: { '0:3': 'accessible', '2:0': 'companion' } });
    const smaller = { ...of, form: { ...of.form, rows: 2, seats: 3 } };
    expect(countMarks(smaller)).toEqual({ accessible: 0, companion: 0, out: 0 });
    const larger = { ...smaller, form: { ...of.form, rows: 5, seats: 9 } };
    expect(countMarks(larger)).toEqual({ accessible: 1, companion: 1, out: 0 });
  });
});

describe('a mirror', () => {
  const of = block(
    { rows: 2, seats: 6, grows: 2, align: 'left', aisles: [2] },
    { rotation: 30, marks: { '0:0': 'accessible', '1:7': 'out', '5:5': 'companion' } },
  );

  it('turns sides around, and back again', () => {
    const other = mirrored(of);
    expect(other).toMatchObject({
      rotation: -30,
      form: { align: 'right', aisles: [4] },
      numbers: { from: 'right' },
      marks: { '0:5': 'accessible', '1:0': 'out' },
    });
    const back = mirrored(other);
    expect(back).toMatchObject({ rotation: 30, form: of.form, numbers: of.numbers });
    expect(back.marks['0:0']).toBe('accessible');
  });

  it('copies to the other side of the stage', () => {
    const [staged] = withThing(draft([]), 'stage', editWords);
    const of = { ...staged, blocks: [block({}, { x: -200, rotation: 15 })] };
    const [after, id] = copiedAcross(of, 'b2', editWords);
    const copy = after.blocks.find((each) => each.id === id);
    expect(copy).toMatchObject({ x: 200, y: 0, rotation: -15, name: 'Stalls (copy)' });
    expect(isDraft(after)).toBe(true);
  });
});

describe('what is added', () => {
  it('lies apart from what is there, under an unused name', () => {
    const [one] = withBlock(draft([], { categories: [] }), editWords, colors);
    const [two, id] = withBlock(one, editWords, colors);
    expect(two.categories).toHaveLength(1);
    expect(two.blocks.map(({ name }) => name)).toEqual(['Block 1', 'Block 2']);
    expect(overlapsOf(two)).toEqual([]);
    const [three] = duplicated(two, id, editWords);
    expect(three.blocks.map(({ name }) => name)).toEqual(['Block 1', 'Block 2', 'Block 3']);
    expect(overlapsOf(three)).toEqual([]);
    expect(isDraft(three)).toBe(true);
  });

  it('never gets an id that was there before', () => {
    const [one, first] = withBlock(draft([]), editWords, colors);
    const [two, second] = withBlock(without(one, first), editWords, colors);
    expect(second).not.toBe(first);
    expect(two.blocks).toHaveLength(1);
  });

  it('leaves other blocks as they are, so that they are not computed again', () => {
    const of = draft([block(), block({}, { id: 'b3' })]);
    const after = changedBlock(of, 'b3', (each) => ({ ...each, x: 5 }));
    expect(after.blocks[0]).toBe(of.blocks[0]);
  });
});

describe('categories', () => {
  it('come in the colour that is used least', () => {
    const of = withCategory(withCategory(draft([], { categories: [] }), 'A', colors), 'B', colors);
    expect(of.categories.map(({ color }) => color)).toEqual(colors);
  });

  it('leave their seats to the first of the others, and the last of seats stays', () => {
    const of = draft([block({}, { category: 'c90', front: { rows: 1, category: 'c90' } })]);
    const after = withoutCategory(of, 'c90');
    expect(after.blocks[0]).toMatchObject({ category: 'c1', front: { rows: 1, category: 'c1' } });
    expect(withoutCategory(after, 'c1')).toBe(after);
    expect(isDraft(after)).toBe(true);
  });
});

describe('what is wrong', () => {
  it('is nothing with the templates, but that an empty plan is empty', () => {
    for (const name of templateNames) {
      const of = template(name, templateWords, colors);
      expect(isDraft(of), name).toBe(true);
      expect(kinds(of)).toEqual(name === 'empty' ? ['noName', 'noSeats'] : []);
      expect(overlapsOf(of)).toEqual([]);
    }
  });

  it('is found in names', () => {
    const [{ id, color }] = draft([]).categories as [Draft['categories'][0]];
    expect(kinds(draft([block(), block({}, { id: 'b3', name: ' Stalls ' })]))).toEqual([
      'blockTwice',
    ]);
    expect(kinds(draft([block(), block({}, { id: 'b3', name: '' })]))).toEqual(['blockUnnamed']);
    expect(kinds(draft([block({}, { name: '' })]))).toEqual([]);
    expect(kinds(draft([block({}, { name: 'x'.repeat(65) })]))).toEqual(['blockLong']);
    const named = (...names: string[]) =>
      draft([block()], {
        categories: names.map((name, at) => ({ id: at ? `c${at + 5}` : id, name, color })),
      });
    expect(kinds(named('A', 'A'))).toEqual(['categoryTwice']);
    expect(kinds(named(' '))).toEqual(['categoryUnnamed']);
  });

  it('is too many seats', () => {
    const rows = { rows: 200, seats: 300 };
    const of = draft([block(rows), block(rows, { id: 'b3', name: 'B', x: 9000 })]);
    expect(countsOf(of).seats).toBeGreaterThan(limits.planSeats);
    expect(kinds(of)).toEqual(['tooMany']);
  });

  it('is blocks with seats on top of each other, and not such that are only near', () => {
    const at = (x: number, y: number, others = {}) =>
      overlapsOf(draft([block(), block({}, { id: 'b3', name: 'B', x, y, ...others })]));
    expect(at(10, 10)).toEqual([{ kind: 'overlap', names: ['Stalls', 'B'], id: 'b3' }]);
    expect(at(4 * 26, 0)).toEqual([]);
    expect(at(0, 3 * 32)).toEqual([]);
    // The boxes of two that are turned overlap; their seats do not.
    const turned = block({}, { rotation: 45 });
    const beside = { ...turned, id: 'b3', name: 'B', x: 78, y: 78 };
    expect(blockBox(beside).minX).toBeLessThan(blockBox(turned).maxX);
    expect(overlapsOf(draft([turned, beside]))).toEqual([]);
    expect(overlapsOf(draft([turned, { ...beside, x: 40, y: 40 }]))).toHaveLength(1);
    // Where seats were taken out there is room.
    const out = Object.fromEntries(
      [0, 1, 2].flatMap((row) => [0, 1, 2, 3].map((seat) => [`${row}:${seat}`, 'out' as const])),
    );
    expect(at(10, 10, { marks: out })).toEqual([]);
  });
});

describe('what was kept', () => {
  it('is taken only if it is sound', () => {
    const of = draft([block()], {});
    expect(isDraft(JSON.parse(JSON.stringify(of)))).toBe(true);
    const spoilt: unknown[] = [
      null,
      [],
      { ...of, blocks: 'none' },
      { ...of, next: 2 },
      draft([block({ rows: 0 })]),
      draft([block({ rows: 1e6 })]),
      draft([block({ seatPitch: 0 })]),
      draft([block({}, { category: 'c7' })]),
      draft([block({}, { x: NaN })]),
      draft([block({}, { marks: { nonsense: 'out' } })]),
      draft([block(), block()]),
    ];
    for (const each of spoilt) expect(isDraft(each)).toBe(false);
  });
});
