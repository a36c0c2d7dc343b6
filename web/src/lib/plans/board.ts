/**
 * The drawing of the editor on its canvas: looking around, and moving what is on it.
 *
 * Invariants: the draft is only changed by whom it belongs to, who is told what is wished; a finger moves nothing that was
 * not chosen before, so that looking around is safe; a frame is drawn once at most.
 */
import {
  type Box,
  type Size,
  type View,
  constrained,
  scaledAt,
  scalesOf,
  viewOf,
} from '$lib/seats/viewport';

import type { Colors } from './colors';
import type { Draft } from './draft';
import { drawScene } from './drawing';
import { axisOf, boxOfThing, extentOf, isBlock } from './edits';
import { blockBox, into, nearestPlace, placesOf } from './geometry';
import { HANDLE_PX, drawFrame, drawLabels, frameOf } from './labels';
import { sceneOf } from './scene';

export type Tool = 'move' | 'mark';

export interface Shown {
  draft: Draft;
  chosen: string | undefined;
  tool: Tool;
}

export interface Calls {
  onchoose(id: string | undefined): void;
  /** All of one drag has the same name. */
  onmove(id: string, x: number, y: number, gesture: string): void;
  onturn(id: string, degrees: number, gesture: string): void;
  onmark(block: string, row: number, seat: number): void;
}

const EMPTY: Box = { minX: -300, minY: -200, maxX: 300, maxY: 200 };
/** Room around the plan, as a share of it, so that things can be put beside it. */
const ROOM = 0.15;
const LEAST_PITCH = 26;
const FINGER_PX = 24;
const SNAP_PX = 6;
const TURN_STEP = 15;
const TURN_SNAP = 4;

type Gesture =
  | { kind: 'pan'; viewX: number; viewY: number }
  | { kind: 'move'; id: string; offX: number; offY: number; name: string }
  | { kind: 'turn'; id: string; name: string };

export class Board {
  readonly #canvas: HTMLCanvasElement;
  readonly #ctx: CanvasRenderingContext2D | null;
  readonly #calls: Calls;
  readonly #away = new AbortController();
  #shown: Shown;
  #colors: Colors;
  #size: Size = { width: 0, height: 0 };
  #dpr = 1;
  #view: View = { x: 0, y: 0, k: 1 };
  #frame = 0;
  #pointers = new Map<number, { x: number; y: number }>();
  #gesture: Gesture | undefined;
  #down: { x: number; y: number; moved: boolean; touch: boolean } | undefined;
  #gestures = 0;
  /** Where something snapped to, along x. */
  #guide: number | undefined;
  /** Whether everything is seen, and is to be when the canvas gets another size. */
  #whole = true;

  constructor(canvas: HTMLCanvasElement, shown: Shown, colors: Colors, calls: Calls) {
    this.#canvas = canvas;
    this.#ctx = canvas.getContext('2d', { alpha: false });
    this.#shown = shown;
    this.#colors = colors;
    this.#calls = calls;
    const { signal } = this.#away;
    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      act: (event: HTMLElementEventMap[K]) => void,
    ) => canvas.addEventListener(type, act, { signal, passive: false });
    on('pointerdown', (event) => this.#press(event));
    on('pointermove', (event) => this.#drag(event));
    on('pointerup', (event) => this.#release(event, true));
    on('pointercancel', (event) => this.#release(event, false));
    on('wheel', (event) => this.#wheel(event));
  }

  destroy(): void {
    this.#away.abort();
    cancelAnimationFrame(this.#frame);
  }

  show(shown: Shown): void {
    const first = extentOf(this.#shown.draft) === undefined;
    this.#shown = shown;
    if (first && extentOf(shown.draft)) this.showWhole();
    this.#redraw();
  }

  paint(colors: Colors): void {
    this.#colors = colors;
    this.#redraw();
  }

  resize(size: Size, dpr: number): void {
    if (size.width < 1 || size.height < 1) return;
    const before = this.#size;
    if (before.width === size.width && before.height === size.height && dpr === this.#dpr) return;
    this.#size = size;
    this.#dpr = dpr;
    this.#canvas.width = Math.round(size.width * dpr);
    this.#canvas.height = Math.round(size.height * dpr);
    if (this.#whole) this.showWhole();
    else {
      const [x, y] = [(size.width - before.width) / 2, (size.height - before.height) / 2];
      this.#look({ ...this.#view, x: this.#view.x + x, y: this.#view.y + y });
    }
    // Setting its size has wiped the canvas: the next frame would come after an empty one.
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw();
  }

  showWhole(): void {
    this.#look(viewOf(this.#box(), this.#size, this.#scales().fit));
    this.#whole = true;
  }

  zoomBy(factor: number): void {
    const { width, height } = this.#size;
    this.#look(scaledAt(this.#view, width / 2, height / 2, this.#bound(this.#view.k * factor)));
  }

  panBy(x: number, y: number): void {
    this.#look({ ...this.#view, x: this.#view.x + x, y: this.#view.y + y });
  }

  /** Looks around until a block or a thing is seen. */
  reveal(id: string): void {
    const { draft } = this.#shown;
    const block = draft.blocks.find((each) => each.id === id);
    const thing = draft.things.find((each) => each.id === id);
    const box = block ? blockBox(block) : thing ? boxOfThing(thing) : undefined;
    if (!box) return;
    const { x, y, k } = this.#view;
    const seen =
      box.minX * k + x >= 0 &&
      box.minY * k + y >= 0 &&
      box.maxX * k + x <= this.#size.width &&
      box.maxY * k + y <= this.#size.height;
    if (!seen) this.showWhole();
  }

  #box(): Box {
    const extent = extentOf(this.#shown.draft) ?? EMPTY;
    const room = ROOM * Math.max(extent.maxX - extent.minX, extent.maxY - extent.minY, 100);
    return {
      minX: extent.minX - room,
      minY: extent.minY - room,
      maxX: extent.maxX + room,
      maxY: extent.maxY + room,
    };
  }

  #scales() {
    return scalesOf(this.#box(), this.#size, LEAST_PITCH);
  }

  #bound(k: number): number {
    const { fit, most } = this.#scales();
    return Math.min(most * 1.5, Math.max(fit * 0.6, k));
  }

  #look(view: View): void {
    this.#whole = false;
    this.#view = { ...view, ...constrained(view, this.#box(), this.#size) };
    this.#redraw();
  }

  #onPlan({ x, y }: { x: number; y: number }): [number, number] {
    return [(x - this.#view.x) / this.#view.k, (y - this.#view.y) / this.#view.k];
  }

  #screenOf(event: MouseEvent): { x: number; y: number } {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** The block or thing at a point, that on top first. */
  #hit(x: number, y: number): string | undefined {
    const { blocks, things } = this.#shown.draft;
    const slack = 4 / this.#view.k;
    const block = blocks.findLast((each) => {
      const box = blockBox(each);
      if (x < box.minX || y < box.minY || x > box.maxX || y > box.maxY) return false;
      const [localX, localY] = into(each)(x, y);
      const { curve, rowPitch, seatPitch } = each.form;
      const inner = placesOf(each.form).box;
      const reach = Math.max(rowPitch, seatPitch) / 2 + slack;
      if (curve === 0 && localX >= inner.minX && localX <= inner.maxX) {
        return localY >= inner.minY - reach && localY <= inner.maxY + reach;
      }
      return (nearestPlace(each, x, y)?.away ?? Infinity) <= reach * 1.5;
    });
    if (block) return block.id;
    return things.findLast((each) => {
      const [localX, localY] = into(each)(x, y);
      return (
        Math.abs(localX) <= each.width / 2 + slack && Math.abs(localY) <= each.height / 2 + slack
      );
    })?.id;
  }

  #onHandle(at: { x: number; y: number }, touch: boolean): boolean {
    const { draft, chosen, tool } = this.#shown;
    const frame = tool === 'move' ? frameOf(draft, chosen, this.#view) : undefined;
    if (!frame) return false;
    const [x, y] = frame.handle;
    return Math.hypot(at.x - x, at.y - y) <= (touch ? FINGER_PX : HANDLE_PX + 4);
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0) return;
    const at = this.#screenOf(event);
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, at);
    if (this.#pointers.size > 1) {
      // A second finger: it was no drag, and will be no tap.
      this.#gesture = undefined;
      this.#down = undefined;
      return;
    }
    const touch = event.pointerType === 'touch';
    this.#down = { ...at, moved: false, touch };
    const { draft, chosen, tool } = this.#shown;
    const name = `gesture ${++this.#gestures}`;
    const [x, y] = this.#onPlan(at);
    if (chosen && this.#onHandle(at, touch)) {
      this.#gesture = { kind: 'turn', id: chosen, name };
      return;
    }
    const id = tool === 'move' ? this.#hit(x, y) : undefined;
    const of = [...draft.blocks, ...draft.things].find((each) => each.id === id);
    if (id && of && (!touch || id === chosen)) {
      if (id !== chosen) this.#calls.onchoose(id);
      this.#gesture = { kind: 'move', id, offX: of.x - x, offY: of.y - y, name };
    } else {
      this.#gesture = { kind: 'pan', viewX: this.#view.x, viewY: this.#view.y };
    }
  }

  #drag(event: PointerEvent): void {
    const at = this.#screenOf(event);
    const before = this.#pointers.get(event.pointerId);
    if (!before) return this.#hover(at);
    const others = [...this.#pointers].filter(([id]) => id !== event.pointerId);
    this.#pointers.set(event.pointerId, at);
    const [other] = others;
    if (other) return this.#pinch(before, at, other[1]);
    const [down, gesture] = [this.#down, this.#gesture];
    if (!down || !gesture) return;
    if (!down.moved && Math.hypot(at.x - down.x, at.y - down.y) < (down.touch ? 8 : 4)) return;
    down.moved = true;
    if (gesture.kind === 'pan') {
      this.#look({
        ...this.#view,
        x: gesture.viewX + at.x - down.x,
        y: gesture.viewY + at.y - down.y,
      });
    } else if (gesture.kind === 'move') this.#move(gesture, at);
    else this.#turn(gesture, at, event.shiftKey);
  }

  #move({ id, offX, offY, name }: Gesture & { kind: 'move' }, at: { x: number; y: number }): void {
    const { draft } = this.#shown;
    const [planX, planY] = this.#onPlan(at);
    const [x, y] = [planX + offX, planY + offY];
    const others = [...draft.blocks, ...draft.things].filter((each) => each.id !== id);
    const lines = others.length > 0 ? [axisOf(draft), ...others.map((each) => each.x)] : [];
    const near = lines.find((line) => Math.abs(line - x) * this.#view.k <= SNAP_PX);
    this.#guide = near;
    this.#calls.onmove(id, near ?? Math.round(x), Math.round(y), name);
  }

  #turn(
    { id, name }: Gesture & { kind: 'turn' },
    at: { x: number; y: number },
    stepped: boolean,
  ): void {
    const frame = frameOf(this.#shown.draft, id, this.#view);
    const [a, , c] = frame?.corners ?? [];
    if (!a || !c) return;
    const [midX, midY] = [(a[0] + c[0]) / 2, (a[1] + c[1]) / 2];
    const degrees = (Math.atan2(at.x - midX, midY - at.y) * 180) / Math.PI;
    const step = Math.round(degrees / TURN_STEP) * TURN_STEP;
    const snaps = stepped || Math.abs(step - degrees) <= TURN_SNAP;
    this.#calls.onturn(id, snaps ? step : Math.round(degrees), name);
  }

  #pinch(
    before: { x: number; y: number },
    at: { x: number; y: number },
    other: { x: number; y: number },
  ): void {
    const was = Math.hypot(before.x - other.x, before.y - other.y);
    const is = Math.hypot(at.x - other.x, at.y - other.y);
    const [midX, midY] = [(at.x + other.x) / 2, (at.y + other.y) / 2];
    const moved = {
      ...this.#view,
      x: this.#view.x + (at.x - before.x) / 2,
      y: this.#view.y + (at.y - before.y) / 2,
    };
    this.#look(scaledAt(moved, midX, midY, this.#bound((moved.k * is) / Math.max(1, was))));
  }

  #release(event: PointerEvent, done: boolean): void {
    const down = this.#down;
    this.#pointers.delete(event.pointerId);
    this.#gesture = undefined;
    this.#down = undefined;
    if (this.#guide !== undefined) this.#redraw();
    this.#guide = undefined;
    if (done && down && !down.moved) this.#tap(down);
  }

  #tap(at: { x: number; y: number }): void {
    const [x, y] = this.#onPlan(at);
    const id = this.#hit(x, y);
    const { draft, tool, chosen } = this.#shown;
    if (id !== chosen && (tool === 'move' || (id !== undefined && isBlock(draft, id)))) {
      this.#calls.onchoose(id);
    }
    if (tool !== 'mark') return;
    const block = draft.blocks.find((each) => each.id === id);
    const nearest = block && nearestPlace(block, x, y);
    if (!block || !nearest || nearest.away > block.form.seatPitch * 0.6) return;
    const places = placesOf(block.form);
    this.#calls.onmark(block.id, places.row[nearest.index] ?? 0, places.seat[nearest.index] ?? 0);
  }

  #hover(at: { x: number; y: number }): void {
    const { tool } = this.#shown;
    const [x, y] = this.#onPlan(at);
    const over = this.#hit(x, y) !== undefined;
    const cursor = this.#onHandle(at, false)
      ? 'alias'
      : over
        ? { move: 'move', mark: 'crosshair' }[tool]
        : 'grab';
    if (this.#canvas.style.cursor !== cursor) this.#canvas.style.cursor = cursor;
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const { x, y } = this.#screenOf(event);
    const by = 2 ** (-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.002));
    this.#look(scaledAt(this.#view, x, y, this.#bound(this.#view.k * by)));
  }

  #redraw(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#frame = 0;
    const ctx = this.#ctx;
    if (!ctx || this.#size.width === 0) return;
    const { draft, chosen, tool } = this.#shown;
    const [view, size, colors] = [this.#view, this.#size, this.#colors];
    ctx.setTransform(this.#dpr, 0, 0, this.#dpr, 0, 0);
    ctx.fillStyle = colors.ground;
    ctx.fillRect(0, 0, size.width, size.height);
    drawScene(ctx, sceneOf(draft), view, size, colors, true);
    drawLabels(ctx, draft, view, size, colors);
    const frame = frameOf(draft, chosen, view);
    if (frame) drawFrame(ctx, frame, colors, tool === 'move');
    if (this.#guide !== undefined) {
      const x = this.#guide * view.k + view.x;
      ctx.strokeStyle = colors.focus;
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.moveTo(x, 0);
      ctx.lineTo(x, size.height);
      ctx.stroke();
    }
    // For those who look for something on the drawing from outside.
    const shown = [view.x, view.y, view.k].map((value) => value.toFixed(3));
    this.#canvas.dataset['transform'] = shown.join(',');
    this.#canvas.dataset['ready'] = '';
  }
}
