import { describe, expect, it } from 'vitest';

import { countsOf } from './counts';
import { type Draft, limits } from './draft';
import { withThing } from './edits';
import { outOf, placesOf } from './geometry';
import { draftIn, fileOf, planOf } from './pretix';
import { type Reading, readPlan } from './reading';
import { block, draft, editWords, templateWords } from './samples';
import { template, templateNames } from './templates';

const seatsOf = (of: Draft) =>
  planOf(of).zones.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats));

function read(of: Draft): Reading {
  const reading = readPlan(JSON.stringify(planOf(of)));
  if (typeof reading === 'string') throw new Error(reading);
  return reading;
}

const colors = ['#1f7bd8', '#bb6215', '#238b4e', '#d14876'];

describe('the plan of a draft', () => {
  it('gives every seat a guid of its own, which no name changes', () => {
    const one = draft([block(), block({}, { id: 'b3' })]);
    const guids = seatsOf(one).map(({ seat_guid }) => seat_guid);
    expect(new Set(guids).size).toBe(24);
    const [first, second] = one.blocks;
    if (!first || !second) throw new Error('two blocks');
    const other = draft([
      { ...first, name: 'Circle', rowNames: { ...first.rowNames, from: 'back' } },
      { ...second, numbers: { from: 'right', count: 'odd', start: 9 } },
    ]);
    expect(seatsOf(other).map(({ seat_guid }) => seat_guid)).toEqual(guids);
  });

  it('has rows and seats by their names, the front row first', () => {
    const plan = planOf(
      draft([
        block(
          { rows: 2, seats: 3 },
          {
            rowNames: { kind: 'letters', start: 3, from: 'back' },
            numbers: { from: 'right', count: 'even', start: 2 },
          },
        ),
      ]),
    );
    const rows = plan.zones[0]?.rows ?? [];
    expect(rows.map(({ row_number }) => row_number)).toEqual(['D', 'C']);
    expect(rows[0]?.seats.map(({ seat_number }) => seat_number)).toEqual(['6', '4', '2']);
  });

  it('puts every seat where the drawing has it, apart from the corner', () => {
    const of = block({ rows: 4, seats: 7, curve: 50 }, { x: 33.3, y: -120, rotation: 25 });
    const plan = planOf(draft([of]));
    const places = placesOf(of.form);
    const at = plan.zones.flatMap((zone) =>
      zone.rows.flatMap((row) =>
        row.seats.map((seat) => [
          zone.position.x + row.position.x + seat.position.x,
          zone.position.y + row.position.y + seat.position.y,
        ]),
      ),
    );
    const out = outOf(of);
    const drawn = Array.from(places.x, (x, index) => out(x, places.y[index] ?? 0));
    const [dx = 0, dy = 0] = [
      (at[0]?.[0] ?? 0) - (drawn[0]?.[0] ?? 0),
      (at[0]?.[1] ?? 0) - (drawn[0]?.[1] ?? 0),
    ];
    for (const [index, [x = 0, y = 0]] of at.entries()) {
      expect(Math.abs(x - dx - (drawn[index]?.[0] ?? 0))).toBeLessThan(0.11);
      expect(Math.abs(y - dy - (drawn[index]?.[1] ?? 0))).toBeLessThan(0.11);
      expect(x).toBeGreaterThan(0);
      expect(y).toBeGreaterThan(0);
      expect(x).toBeLessThan(plan.size.width);
      expect(y).toBeLessThan(plan.size.height);
    }
  });

  it('says which seats are for wheelchairs and companions, and leaves out those taken out', () => {
    const marks = { '0:0': 'accessible', '0:1': 'companion', '1:2': 'out', '9:9': 'out' } as const;
    const seats = seatsOf(draft([block({}, { marks })]));
    expect(seats).toHaveLength(11);
    expect(seats[0]).toMatchObject({ seat_guid: 'b2-1-1', accessible: true });
    expect(seats[1]).toMatchObject({ seat_guid: 'b2-1-2', companion: true });
    expect(seats.filter((seat) => seat.accessible ?? seat.companion)).toHaveLength(2);
    expect(seats.map(({ seat_guid }) => seat_guid)).not.toContain('b2-2-3');
    // The others keep their numbers.
    expect(
      seats.filter((seat) => seat.seat_guid.startsWith('b2-2-')).map((seat) => seat.seat_number),
    ).toEqual(['1', '2', '4']);
  });

  it('has rows in front in their own category', () => {
    const of = draft([block({}, { front: { rows: 2, category: 'c90' } })]);
    const categories = seatsOf(of).map(({ category }) => category);
    expect(categories.filter((each) => each === 'Premium')).toHaveLength(8);
    expect(categories.filter((each) => each === 'Standard')).toHaveLength(4);
  });

  it('draws things turned about their corner and nowhere below nought', () => {
    const [with1, id] = withThing(draft([block()]), 'stage', editWords);
    const turned = { ...with1, things: with1.things.map((thing) => ({ ...thing, rotation: 90 })) };
    const [area] = planOf(turned).zones[0]?.areas ?? [];
    expect(id).toBe('t100');
    expect(area).toMatchObject({ shape: 'rectangle', rotation: 90, text: { text: 'STAGE' } });
    expect(area?.position.y).toBeGreaterThanOrEqual(0);
    expect(area?.rectangle).toEqual({ width: 320, height: 90 });
  });

  it.each(templateNames)('of the template %s has the seats that were counted', (name) => {
    const of = template(name, templateWords, colors);
    const counts = countsOf(of);
    const reading = read(of);
    expect(reading.seats).toBe(counts.seats);
    expect(reading.accessible).toBe(counts.accessible);
    expect(reading.companion).toBe(counts.companion);
    expect(reading.shapes).toHaveLength(of.things.length);
    for (const { id, name: category } of of.categories) {
      const found = reading.categories.find((each) => each.name === category);
      expect(found?.seats).toBe(counts.byCategory.get(id));
    }
  });

  it('of the largest draft is smaller than the server takes', () => {
    const rows = { rows: 200, seats: 250, grows: 0 };
    const of = draft([block(rows), block(rows, { id: 'b3', x: 8000.3, rotation: 33 })]);
    expect(countsOf(of).seats).toBe(limits.planSeats);
    expect(JSON.stringify(planOf(of)).length).toBeLessThan(limits.planBytes);
  });
});

describe('a file', () => {
  it('is a plan that the editor can open again', () => {
    const of = draft([block({}, { marks: { '0:0': 'accessible' } })]);
    const document: unknown = JSON.parse(fileOf(of));
    expect(draftIn(document)).toEqual(of);
    expect(document).toMatchObject(planOf(of));
  });

  it('with something else in it is only a plan', () => {
    for (const other of [undefined, 1, {}, { ...draft([block()]), next: 1 }]) {
      expect(draftIn({ onsale_draft: other })).toBeUndefined();
    }
    expect(draftIn(null)).toBeUndefined();
  });
});
