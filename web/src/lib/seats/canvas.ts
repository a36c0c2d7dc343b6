/**
 * The map on its canvas: moving about, pointing, and drawing what has changed, once a frame at most.
 *
 * Invariants: nothing moves unless the visitor moves it, or the canvas gets another size; `data-transform` on the canvas
 * is the view that was drawn last.
 */
import { select } from 'd3-selection';
import { type D3ZoomEvent, type ZoomBehavior, zoom, zoomIdentity } from 'd3-zoom';

import { aimAt } from './aim';
import { type Filter, everything } from './filter';
import { AVAILABLE } from './looks';
import type { SeatingModel } from './model';
import { Pace } from './pace';
import { Painter, type Scene, cellOf } from './painter';
import type { Palette } from './palette';
import { Stills } from './stills';
import {
  type Scales,
  type Size,
  type View,
  between,
  centredOn,
  constrained,
  scaledAt,
  scalesOf,
  viewOf,
} from './viewport';

export type Pointed = { kind: 'seat'; id: number } | { kind: 'section'; index: number };

export interface Calls {
  onview(view: View, scales: Scales): void;
  /** What is pointed at, and whether by a finger, which hides what is around it. */
  onpoint(pointed: Pointed | undefined, coarse: boolean): void;
  /** A seat was meant, beyond doubt. */
  onseat(id: number): void;
}

export interface Shown {
  looks: Uint8Array;
  free: Uint32Array;
  freeText: (count: number) => string;
}

const MOVE_MS = 320;
const FADE_MS = 280;
/** So long after a picture was only moved, the map is drawn anew. */
const SHARPEN_MS = 120;
/** More changes at once than this are a new picture, not a change to be followed. */
const MOST_FADES = 500;
/** With more changes than this, drawing all is less work than drawing each. */
const MOST_REGIONS = 80;
/** On a click, seats for a mouse come at least this far apart. */
const MOUSE_CLOSE_PX = 24;

export class SeatCanvas {
  readonly #canvas: HTMLCanvasElement;
  readonly #model: SeatingModel;
  readonly #calls: Calls;
  readonly #painter: Painter;
  readonly #ctx: CanvasRenderingContext2D | null;
  readonly #zoom: ZoomBehavior<HTMLCanvasElement, unknown>;
  readonly #away = new AbortController();

  #size: Size = { width: 0, height: 0 };
  #dpr = 1;
  #scales: Scales = { fit: 1, touch: 1, most: 1 };
  #view: View = { x: 0, y: 0, k: 1 };
  #shown: Shown;
  #filter: Filter = everything;
  #hovered: number | undefined;
  #fades = new Map<number, { from: number; since: number; share: number }>();
  /** What is to be drawn next: all, or the cells of some seats. */
  #stale: 'all' | Set<number> = 'all';
  /** What was drawn last; another view is the map moving. */
  #drawn: View | undefined;
  readonly #pace = new Pace();
  readonly #stills = new Stills();
  #sharpening: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;
  #moving = 0;
  #pointer = 'mouse';
  /** Whether changes may be animated. */
  calm = false;

  constructor(
    canvas: HTMLCanvasElement,
    model: SeatingModel,
    palette: Palette,
    shown: Shown,
    calls: Calls,
  ) {
    this.#canvas = canvas;
    this.#model = model;
    this.#calls = calls;
    this.#shown = shown;
    this.#painter = new Painter(model, palette);
    this.#ctx = canvas.getContext('2d', { alpha: false });
    this.#zoom = zoom<HTMLCanvasElement, unknown>()
      .clickDistance(6)
      .filter((event: Event) => this.#wants(event))
      .constrain((transform) => {
        const { x, y } = constrained(transform, model.box, this.#size);
        return x === transform.x && y === transform.y
          ? transform
          : zoomIdentity.translate(x, y).scale(transform.k);
      })
      .on('start', (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        if (event.sourceEvent) cancelAnimationFrame(this.#moving);
      })
      .on('zoom', ({ transform }: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        this.#view = { x: transform.x, y: transform.y, k: transform.k };
        this.#redraw();
        calls.onview(this.#view, this.#scales);
      });
    select(canvas).call(this.#zoom).on('dblclick.zoom', null);
    const { signal } = this.#away;
    canvas.addEventListener('pointerdown', ({ pointerType }) => (this.#pointer = pointerType), {
      signal,
    });
    canvas.addEventListener('pointermove', (event) => this.#follow(event), { signal });
    canvas.addEventListener(
      'pointerleave',
      // A lifted finger leaves, too; what it has touched is still worth reading.
      ({ pointerType }) => pointerType !== 'touch' && this.#point(undefined),
      { signal },
    );
    canvas.addEventListener('click', (event) => this.#click(event), { signal });
  }

  destroy(): void {
    this.#away.abort();
    clearTimeout(this.#sharpening);
    cancelAnimationFrame(this.#frame);
    cancelAnimationFrame(this.#moving);
    select(this.#canvas).on('.zoom', null);
  }

  get whole(): boolean {
    return this.#view.k <= this.#scales.fit * 1.02;
  }

  resize(size: Size, dpr: number): void {
    if (size.width < 1 || size.height < 1) return;
    const [before, was] = [this.#size, this.#view];
    if (size.width === before.width && size.height === before.height && dpr === this.#dpr) return;
    const first = before.width === 0;
    const wasWhole = first || this.whole;
    this.#size = size;
    this.#dpr = dpr;
    this.#stills.drop();
    this.#canvas.width = Math.round(size.width * dpr);
    this.#canvas.height = Math.round(size.height * dpr);
    this.#scales = scalesOf(this.#model.box, size, this.#model.pitch);
    this.#zoom.scaleExtent([this.#scales.fit, this.#scales.most]);
    const middleX = (before.width / 2 - was.x) / was.k;
    const middleY = (before.height / 2 - was.y) / was.k;
    this.#jump(
      wasWhole ? this.#wholeView() : centredOn(middleX, middleY, size, this.#bound(was.k)),
    );
    // Setting its size has wiped the canvas: the next frame would come after an empty one.
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw();
  }

  /** Other looks; those that changed fade over. */
  show(shown: Shown): void {
    const before = this.#shown.looks;
    const { looks } = shown;
    const changed: number[] = [];
    for (const id of this.#model.ids()) if (before[id] !== looks[id]) changed.push(id);
    this.#shown = shown;
    if (changed.length === 0) return;
    const since = performance.now();
    if (this.calm || changed.length > MOST_FADES) {
      for (const id of changed) this.#fades.delete(id);
    } else {
      for (const id of changed) {
        this.#fades.set(id, { from: before[id] ?? AVAILABLE, since, share: 0 });
      }
    }
    this.#redraw(this.#painter.showsSections(this.#view.k) ? undefined : changed);
  }

  /** Other words, the same looks. */
  reword(freeText: (count: number) => string): void {
    this.#shown = { ...this.#shown, freeText };
    this.#redraw();
  }

  paint(palette: Palette): void {
    this.#painter.palette = palette;
    this.#stills.drop();
    this.#redraw();
  }

  /** What the filter leaves out goes to the background. */
  choose(filter: Filter): void {
    this.#filter = filter;
    this.#stills.drop();
    this.#redraw();
  }

  zoomBy(factor: number): void {
    this.#point(undefined);
    const { width, height } = this.#size;
    this.#move(scaledAt(this.#view, width / 2, height / 2, this.#bound(this.#view.k * factor)));
  }

  panBy(x: number, y: number): void {
    this.#move({ ...this.#view, x: this.#view.x + x, y: this.#view.y + y });
  }

  showWhole(): void {
    this.#point(undefined);
    this.#move(this.#wholeView());
  }

  /** A point of the plan in the middle, at once. */
  centreOn(x: number, y: number): void {
    this.#jump(centredOn(x, y, this.#size, this.#view.k));
  }

  #wholeView(): View {
    return viewOf(this.#model.box, this.#size, this.#scales.fit);
  }

  #bound(k: number): number {
    return Math.min(this.#scales.most, Math.max(this.#scales.fit, k));
  }

  /** While the whole plan is seen there is nothing to drag, so that one finger scrolls the page. */
  #wants(event: Event): boolean {
    if (event instanceof MouseEvent && event.type !== 'wheel') {
      return event.button === 0 && !event.ctrlKey;
    }
    const touches = (event as Partial<TouchEvent>).touches;
    return !(event.type === 'touchstart' && touches?.length === 1 && this.whole);
  }

  #jump(view: View): void {
    cancelAnimationFrame(this.#moving);
    const { x, y, k } = { ...view, ...constrained(view, this.#model.box, this.#size) };
    this.#zoom.transform(select(this.#canvas), zoomIdentity.translate(x, y).scale(k));
  }

  #move(to: View): void {
    if (this.calm) return this.#jump(to);
    cancelAnimationFrame(this.#moving);
    const from = this.#view;
    const target = constrained(to, this.#model.box, this.#size);
    const begun = performance.now();
    const step = (now: number) => {
      const share = Math.min(1, Math.max(0, (now - begun) / MOVE_MS));
      const eased = 1 - (1 - share) ** 3;
      const { x, y, k } = between(from, target, this.#size, eased);
      this.#zoom.transform(select(this.#canvas), zoomIdentity.translate(x, y).scale(k));
      if (share < 1) this.#moving = requestAnimationFrame(step);
    };
    this.#moving = requestAnimationFrame(step);
  }

  #planPoint(event: MouseEvent): [number, number] {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const { x, y, k } = this.#view;
    return [(event.clientX - left - x) / k, (event.clientY - top - y) / k];
  }

  #aim(event: MouseEvent, coarse: boolean) {
    const [x, y] = this.#planPoint(event);
    const isFree = (id: number) => this.#shown.looks[id] === AVAILABLE;
    return { x, y, aim: aimAt(this.#model, x, y, this.#view.k, coarse, isFree) };
  }

  #click(event: MouseEvent): void {
    const type = (event as Partial<PointerEvent>).pointerType || this.#pointer;
    const { x, y, aim } = this.#aim(event, type === 'touch');
    if (aim.kind === 'seat') {
      this.#point({ kind: 'seat', id: aim.id });
      this.#calls.onseat(aim.id);
    } else {
      this.#point(undefined);
      if (aim.kind === 'closer') this.#comeCloser(x, y, type === 'touch');
    }
  }

  /** So close that the next touch or click can tell seats apart. */
  #comeCloser(x: number, y: number, coarse: boolean): void {
    const { pitch } = this.#model;
    const { k } = this.#view;
    const [id] = this.#model.nearest(x, y, 1);
    if (id === undefined) return;
    const least = coarse ? this.#scales.touch : MOUSE_CLOSE_PX / pitch;
    const section = this.#model.sections[this.#model.section[id] ?? 0];
    if (!coarse && section && this.#painter.showsSections(k)) {
      const fitting = scalesOf(section.box, this.#size, pitch).fit * 0.92;
      if (fitting * pitch >= MOUSE_CLOSE_PX * 0.75) {
        return this.#move(viewOf(section.box, this.#size, this.#bound(fitting)));
      }
    }
    const [toX, toY] = k < least ? [this.#model.x[id] ?? x, this.#model.y[id] ?? y] : [x, y];
    this.#move(centredOn(toX, toY, this.#size, this.#bound(Math.max(least, k * 1.5))));
  }

  #follow(event: PointerEvent): void {
    if (event.pointerType === 'touch' || event.buttons !== 0) return;
    this.#pointer = event.pointerType;
    const { x, y, aim } = this.#aim(event, false);
    this.#canvas.style.cursor =
      aim.kind === 'seat' ? 'pointer' : aim.kind === 'closer' ? 'zoom-in' : 'grab';
    if (aim.kind === 'seat') return this.#point({ kind: 'seat', id: aim.id });
    const [id] =
      aim.kind === 'closer' && this.#painter.showsSections(this.#view.k)
        ? this.#model.nearest(x, y, 1)
        : [];
    this.#point(
      id === undefined ? undefined : { kind: 'section', index: this.#model.section[id] ?? 0 },
    );
  }

  #point(pointed: Pointed | undefined): void {
    const id = pointed?.kind === 'seat' ? pointed.id : undefined;
    if (id !== this.#hovered) {
      const both = [this.#hovered, id].filter((each) => each !== undefined);
      this.#hovered = id;
      this.#redraw(both);
    }
    this.#calls.onpoint(pointed, this.#pointer === 'touch');
  }

  #redraw(ids?: readonly number[]): void {
    if (ids === undefined || this.#stale === 'all') this.#stale = 'all';
    else for (const id of ids) this.#stale.add(id);
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    if (!this.#ctx || this.#size.width === 0) return;
    const stale = this.#stale;
    this.#stale = new Set();
    const { looks, free, freeText } = this.#shown;
    const scene: Scene = {
      view: this.#view,
      size: this.#size,
      dpr: this.#dpr,
      looks,
      free,
      freeText,
      fades: this.#fades,
      filter: this.#filter,
      hovered: this.#hovered,
    };
    if (stale === 'all' || stale.size > MOST_REGIONS) this.#drawAll(this.#ctx, scene);
    else if (stale.size > 0) {
      const cells = [...stale].map((id) => cellOf(this.#model, id, this.#view));
      this.#painter.paint(this.#ctx, scene, cells);
    }
    const { x, y, k } = this.#view;
    this.#canvas.dataset['transform'] = `${x},${y},${k}`;
    this.#canvas.dataset['ready'] = '';
    this.#fade();
  }

  /** Where drawing anew does not keep up with the gesture, the picture there is moves along until it does. */
  #drawAll(ctx: CanvasRenderingContext2D, scene: Scene): void {
    const { view, size, dpr } = scene;
    const { x, y, k } = this.#drawn ?? view;
    const moves = x !== view.x || y !== view.y || k !== view.k;
    this.#drawn = view;
    if (!moves) this.#pace.rest();
    clearTimeout(this.#sharpening);
    const slow = moves && this.#pace.isSlow(performance.now());
    if (slow && this.#stills.show(ctx, view, size, dpr, this.#painter.palette.ground)) {
      this.#sharpening = setTimeout(() => this.#redraw(), SHARPEN_MS);
      return;
    }
    this.#painter.paint(ctx, scene);
    if (!moves && this.whole) this.#stills.take(this.#canvas, view, true);
    else if (this.#pace.struggles) this.#stills.take(this.#canvas, view, false);
  }

  /** One step on for all that fade; the last step draws them as they now are. */
  #fade(): void {
    if (this.#fades.size === 0) return;
    const now = performance.now();
    const ids = [...this.#fades.keys()];
    for (const [id, fade] of this.#fades) {
      fade.share = Math.min(1, (now - fade.since) / FADE_MS);
      if (fade.share >= 1) this.#fades.delete(id);
    }
    this.#redraw(this.#painter.showsSections(this.#view.k) ? [] : ids);
  }
}
