import { expect, it } from 'vitest';

import { around, inPlan, isClick, viewOf } from './boxes';

it('reads the view of a canvas, or says that there is none', () => {
  expect(viewOf('10,-20.5,2')).toEqual({ x: 10, y: -20.5, k: 2 });
  for (const text of [undefined, '', '1,2', '1,2,0', '1,2,x', '1,2,3,4'])
    expect(viewOf(text)).toBeUndefined();
});

it('leads from the screen into the plan, whichever way it was drawn', () => {
  const view = { x: 10, y: 20, k: 2 };
  const [from, to] = [inPlan({ x: 110, y: 20 }, view), inPlan({ x: 10, y: 60 }, view)];
  expect(around(from, to)).toEqual({ minX: 0, minY: 0, maxX: 50, maxY: 20 });
});

it('tells a click from a box', () => {
  expect(isClick({ x: 0, y: 0 }, { x: 3, y: 4 })).toBe(true);
  expect(isClick({ x: 0, y: 0 }, { x: 6, y: 0 })).toBe(false);
});
