import { describe, expect, it } from 'vitest';

import { History } from './history';

describe('what was done', () => {
  it('is undone and done again, step by step', () => {
    const history = new History('a');
    history.push('b', 0);
    history.push('c', 1);
    history.undo();
    expect(history.present).toBe('b');
    history.undo();
    history.undo();
    expect([history.present, history.canUndo, history.canRedo]).toEqual(['a', false, true]);
    history.redo();
    history.redo();
    history.redo();
    expect([history.present, history.canUndo, history.canRedo]).toEqual(['c', true, false]);
  });

  it('is one step if it follows closely under the same name', () => {
    const history = new History(0);
    history.push(1, 0, 'drag');
    history.push(2, 1_000, 'drag');
    history.push(3, 2_000, 'drag');
    history.push(4, 2_100, 'other');
    history.push(5, 9_000, 'other');
    const seen = [];
    for (; history.canUndo; history.undo()) seen.push(history.present);
    expect([...seen, history.present]).toEqual([5, 4, 3, 0]);
  });

  it('does not join what was undone in between', () => {
    const history = new History(0);
    history.push(1, 0, 'drag');
    history.undo();
    history.redo();
    history.push(2, 1, 'drag');
    history.undo();
    expect(history.present).toBe(1);
  });

  it('cannot be done again after something else', () => {
    const history = new History(0);
    history.push(1, 0);
    history.undo();
    history.push(2, 1);
    expect(history.canRedo).toBe(false);
  });

  it('goes back a bounded way', () => {
    const history = new History(0);
    for (let at = 1; at <= 1_000; at++) history.push(at, at);
    let steps = 0;
    for (; history.canUndo; history.undo()) steps++;
    expect(steps).toBe(200);
    expect(history.present).toBe(800);
  });
});
