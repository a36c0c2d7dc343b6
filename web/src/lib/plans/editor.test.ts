import { flushSync } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Editor } from './editor.svelte';
import { keptDraft } from './kept';
import { block, draft, editWords } from './samples';

const colors = ['#1f7bd8', '#bb6215'];

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => {
  keptDraft.forget();
  vi.useRealTimers();
});

const opened = () => new Editor(draft([block()]), () => editWords, colors);

describe('the editor', () => {
  it('chooses what is added, and nothing that is gone', () => {
    const editor = opened();
    expect(editor.chosen).toBe('b2');
    editor.addThing('stage');
    expect(editor.thing?.text).toBe('STAGE');
    editor.undo();
    expect(editor.chosen).toBeUndefined();
    editor.addBlock();
    expect(editor.block?.name).toBe('Block 2');
    editor.remove();
    expect(editor.block).toBeUndefined();
    expect(editor.draft.blocks).toHaveLength(1);
  });

  it('takes a drag back at once, and single marks one by one', () => {
    const editor = opened();
    for (let x = 1; x <= 20; x++) editor.move('b2', x, 0, 'gesture 1');
    editor.markPlace('b2', 0, 0);
    editor.markPlace('b2', 0, 1);
    expect(editor.counts.accessible).toBe(2);
    editor.undo();
    expect(editor.counts.accessible).toBe(1);
    editor.undo();
    expect(editor.block?.x).toBe(20);
    editor.undo();
    expect(editor.block?.x).toBe(0);
    expect(editor.canUndo).toBe(false);
  });

  it('keeps the draft soon after a change, and at once when it is closed', () => {
    const editor = opened();
    editor.rename('Kept');
    expect(keptDraft.read()).toBeUndefined();
    vi.advanceTimersByTime(1_000);
    expect(keptDraft.read()).toMatchObject({ draft: { name: 'Kept' }, saved: false });
    editor.rename('Closed');
    editor.close();
    expect(keptDraft.read()?.draft.name).toBe('Closed');
  });

  it('knows whether a plan was made of the draft as it is', () => {
    const editor = opened();
    editor.wasSaved(editor.draft);
    expect(keptDraft.read()?.saved).toBe(true);
    const sent = editor.draft;
    editor.rename('Later');
    expect(editor.saved).toBe(false);
    editor.wasSaved(sent);
    expect(editor.saved).toBe(false);
  });

  it('finds blocks that overlap, a moment after they were moved', () => {
    const editor = opened();
    editor.duplicate();
    vi.advanceTimersByTime(500);
    flushSync();
    expect(editor.flaws).toEqual([]);
    editor.nudge(-100, 5);
    vi.advanceTimersByTime(500);
    flushSync();
    expect(editor.flaws.map(({ kind }) => kind)).toEqual(['overlap']);
  });
});
