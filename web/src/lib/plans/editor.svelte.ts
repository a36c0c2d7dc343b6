/**
 * The editor: the draft, what of it is chosen, and what is done to it.
 *
 * Invariants: every change goes through the history; what is chosen is there; a change is kept in the browser soon after,
 * and at the latest when the page goes away.
 */
import type { Tool } from './board';
import { type Counts, type Flaw, countsOf, flawsOf, overlapsOf } from './counts';
import { type Block, type Draft, type Mark, type Thing, limits } from './draft';
import * as edits from './edits';
import { normalised, turned } from './geometry';
import { History } from './history';
import { keptDraft } from './kept';

const KEEP_MS = 400;
const LOOK_MS = 250;

export class Editor {
  readonly #history: History<Draft>;
  readonly #words: () => edits.Words;
  readonly #colors: readonly string[];
  #keeping: ReturnType<typeof setTimeout> | undefined;
  #looking: ReturnType<typeof setTimeout> | undefined;

  draft = $state.raw<Draft>() as Draft;
  chosen = $state<string>();
  tool = $state<Tool>('move');
  mark = $state<Mark>('accessible');
  canUndo = $state(false);
  canRedo = $state(false);
  /** Whether a plan was made of the draft as it is. */
  saved = $state(false);
  #overlaps = $state.raw<Flaw[]>([]);

  readonly counts: Counts = $derived(countsOf(this.draft));
  readonly flaws: readonly Flaw[] = $derived([
    ...flawsOf(this.draft, this.counts),
    ...this.#overlaps,
  ]);
  readonly block: Block | undefined = $derived(
    this.draft.blocks.find(({ id }) => id === this.chosen),
  );
  readonly thing: Thing | undefined = $derived(
    this.draft.things.find(({ id }) => id === this.chosen),
  );

  constructor(draft: Draft, words: () => edits.Words, colors: readonly string[], saved = false) {
    this.#history = new History(draft);
    this.#words = words;
    this.#colors = colors;
    this.draft = draft;
    this.saved = saved;
    this.chosen = (draft.blocks[0] ?? draft.things[0])?.id;
    this.#overlaps = overlapsOf(draft);
  }

  /** To be called when the editor goes away. */
  close(): void {
    clearTimeout(this.#looking);
    if (this.#keeping !== undefined) this.keep();
  }

  /** Puts the draft into the browser now. */
  keep(): void {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    keptDraft.write({ draft: this.draft, atMs: Date.now(), saved: this.saved });
  }

  /** A plan was made of the draft. */
  wasSaved(draft: Draft): void {
    if (draft !== this.draft) return;
    this.saved = true;
    this.keep();
  }

  change(draft: Draft, name?: string): void {
    this.#history.push(draft, Date.now(), name);
    this.#follow();
  }

  undo(): void {
    this.#history.undo();
    this.#follow();
  }

  redo(): void {
    this.#history.redo();
    this.#follow();
  }

  #follow(): void {
    const { present, canUndo, canRedo } = this.#history;
    if (present === this.draft) return;
    this.draft = present;
    this.canUndo = canUndo;
    this.canRedo = canRedo;
    this.saved = false;
    if (!this.block && !this.thing) this.chosen = undefined;
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.keep(), KEEP_MS);
    clearTimeout(this.#looking);
    this.#looking = setTimeout(() => (this.#overlaps = overlapsOf(this.draft)), LOOK_MS);
  }

  #put([draft, id]: [Draft, string]): void {
    this.change(draft);
    this.chosen = id;
  }

  rename(name: string): void {
    this.change({ ...this.draft, name }, 'name');
  }

  addBlock(): void {
    if (this.draft.blocks.length >= limits.blocks) return;
    this.#put(edits.withBlock(this.draft, this.#words(), this.#colors));
  }

  addThing(kind: Thing['kind']): void {
    if (this.draft.things.length >= limits.things) return;
    this.#put(edits.withThing(this.draft, kind, this.#words()));
  }

  duplicate(): void {
    if (this.chosen) this.#put(edits.duplicated(this.draft, this.chosen, this.#words()));
  }

  copyAcross(): void {
    if (this.chosen) this.#put(edits.copiedAcross(this.draft, this.chosen, this.#words()));
  }

  mirror(): void {
    if (this.chosen) this.change(edits.changedBlock(this.draft, this.chosen, edits.mirrored));
  }

  remove(): void {
    if (this.chosen) this.change(edits.without(this.draft, this.chosen));
  }

  /** Changes the chosen block; quick changes of the same name are undone at once. */
  shape(name: string, change: (block: Block) => Block): void {
    const id = this.chosen;
    if (this.block && id) {
      this.change(edits.changedBlock(this.draft, id, change), `${id} ${name}`);
    }
  }

  /** Changes the chosen thing. */
  redraw(name: string, change: (thing: Thing) => Thing): void {
    const id = this.chosen;
    if (this.thing && id) {
      this.change(edits.changedThing(this.draft, id, change), `${id} ${name}`);
    }
  }

  move(id: string, x: number, y: number, name: string): void {
    this.change(edits.moved(this.draft, id, x, y), name);
  }

  /** Moves what is chosen. */
  nudge(x: number, y: number): void {
    const of = this.block ?? this.thing;
    if (of) this.move(of.id, of.x + x, of.y + y, `${of.id} nudge`);
  }

  turn(id: string, degrees: number, name: string): void {
    const rotation = normalised(degrees);
    const next = edits.isBlock(this.draft, id)
      ? edits.changedBlock(this.draft, id, (block) => turned(block, rotation))
      : edits.changedThing(this.draft, id, (thing) => ({ ...thing, rotation }));
    this.change(next, name);
  }

  /** Turns what is chosen. */
  turnBy(degrees: number): void {
    const of = this.block ?? this.thing;
    if (of) this.turn(of.id, of.rotation + degrees, `${of.id} turn`);
  }

  /** Marks a place with the mark of the tool, or takes it away. */
  markPlace(id: string, row: number, seat: number): void {
    const mark = this.mark;
    this.change(
      edits.changedBlock(this.draft, id, (block) => edits.marked(block, row, seat, mark)),
    );
  }

  addCategory(): void {
    if (this.draft.categories.length >= limits.categories) return;
    const name = edits.newCategoryName(this.draft, this.#words());
    this.change(edits.withCategory(this.draft, name, this.#colors));
  }

  changeCategory(id: string, change: { name?: string; color?: string }): void {
    const name = `${id} ${Object.keys(change).join()}`;
    this.change(edits.changedCategory(this.draft, id, change), name);
  }

  removeCategory(id: string): void {
    this.change(edits.withoutCategory(this.draft, id));
  }
}
