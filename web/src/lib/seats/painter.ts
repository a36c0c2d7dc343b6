/**
 * Draws the plan on a canvas: from afar the sections, nearer the seats, nearer still their numbers.
 *
 * Invariants: only what is in sight is drawn, and with regions given nothing outside them is touched; the same scene
 * always gives the same picture.
 */
import { type Context, drawGlyphs, layersOf } from './glyphs';
import { AVAILABLE, MINE, PICKED, looks } from './looks';
import type { Filter } from './filter';
import type { SeatingModel } from './model';
import type { Palette } from './palette';
import { CAPTION_PX, SectionPainter } from './sections';
import { drawShapes } from './shapes';
import { spaces } from './spaces';
import { type Box, type Size, type View, contains, seenBox, touches } from './viewport';

export interface Scene {
  view: View;
  size: Size;
  dpr: number;
  /** At the id of each seat, its look. */
  looks: Uint8Array;
  /** Seats on their way from another look: which, and how far, from 0 to 1. */
  fades: ReadonlyMap<number, { from: number; share: number }>;
  filter: Filter;
  hovered: number | undefined;
  /** Free seats of each section, and how to write them. */
  free: Uint32Array;
  freeText: (count: number) => string;
}

/** Distances of neighbours on the screen, in CSS pixels, at which more is shown. */
export const SEATS_FROM_PX = 8;
const GLYPHS_FROM_PX = 7;
/** With more seats in sight, they stay squares: filling so many discs takes longer than a frame. */
const MOST_GLYPHS = 6_000;
const ROW_LABELS_FROM_PX = 15;
const NUMBERS_FROM_PX = 26;
/** Part of the distance to the neighbour that a seat fills, as its radius. */
const RADIUS = 0.41;
/** Sides of the squares that stand for seats from afar, in parts of the distance; smaller is less to be had. */
const SQUARES = [0.78, 0.55, 0.38, 0.22, 1, 1] as const;
/** Of the piles of seats that look the same: where those begin that are free. */
const FIRST_CATEGORY = looks.length;

export class Painter {
  readonly #model: SeatingModel;
  readonly #sections: SectionPainter;
  /** Piles of one outline. */
  readonly #kinds: number;
  palette: Palette;

  constructor(model: SeatingModel, palette: Palette) {
    this.#model = model;
    this.palette = palette;
    this.#kinds = FIRST_CATEGORY + model.categories.length;
    this.#sections = new SectionPainter(model);
  }

  /** Whether the seats are too small to be drawn, and sections stand for them. */
  showsSections(k: number): boolean {
    return this.#model.sections.length > 1 && this.#model.pitch * k < SEATS_FROM_PX;
  }

  /** Everything, or only what lies in the regions, given in CSS pixels. */
  paint(ctx: Context, scene: Scene, regions?: readonly Box[]): void {
    const { view, size, dpr } = scene;
    ctx.save();
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    if (regions) {
      ctx.beginPath();
      for (const { minX, minY, maxX, maxY } of regions) {
        const [x, y] = [Math.floor(minX * dpr) / dpr, Math.floor(minY * dpr) / dpr];
        ctx.rect(x, y, Math.ceil((maxX - x) * dpr) / dpr, Math.ceil((maxY - y) * dpr) / dpr);
      }
      ctx.clip();
    }
    ctx.fillStyle = this.palette.ground;
    ctx.fillRect(0, 0, size.width, size.height);
    const sections = this.showsSections(view.k);
    this.#sections.draw(ctx, scene, this.palette, sections);
    drawShapes(ctx, this.#model.shapes, scene.view, this.palette);
    if (sections) this.#sections.write(ctx, scene, this.palette);
    else this.#drawSeats(ctx, scene, regions);
    ctx.restore();
  }

  #drawSeats(ctx: Context, scene: Scene, regions: readonly Box[] | undefined): void {
    const pitchPx = this.#model.pitch * scene.view.k;
    const ids = this.#inSight(scene, regions);
    const [shown, dimmed] = this.#split(ids, scene);
    const draw = (some: readonly number[]) => {
      if (pitchPx < GLYPHS_FROM_PX || ids.length > MOST_GLYPHS) this.#drawSquares(ctx, scene, some);
      else this.#drawGlyphs(ctx, scene, some);
    };
    if (dimmed.length > 0) {
      ctx.globalAlpha = this.palette.dimmed;
      draw(dimmed);
      ctx.globalAlpha = 1;
    }
    draw(shown);
    if (pitchPx >= NUMBERS_FROM_PX) this.#writeNumbers(ctx, scene, shown);
    if (pitchPx >= ROW_LABELS_FROM_PX) this.#writeRows(ctx, scene);
    this.#writeCaptions(ctx, scene);
    this.#ring(ctx, scene);
  }

  #inSight(scene: Scene, regions: readonly Box[] | undefined): readonly number[] {
    const { view, size } = scene;
    const { box, pitch } = this.#model;
    const boxes = regions ?? [{ minX: 0, minY: 0, maxX: size.width, maxY: size.height }];
    const seen = boxes.map((region) => planBox(region, view, pitch));
    const [only] = seen;
    if (!regions && only && contains(only, box)) return this.#model.ids();
    if (seen.length === 1 && only) return this.#model.within(only);
    return [...new Set(seen.flatMap((each) => this.#model.within(each)))];
  }

  #split(ids: readonly number[], scene: Scene): [readonly number[], readonly number[]] {
    if (!scene.filter.active) return [ids, []];
    const [shown, dimmed]: [number[], number[]] = [[], []];
    for (const id of ids) {
      const look = scene.looks[id] ?? AVAILABLE;
      const stands = look === PICKED || look === MINE || scene.filter.shows(id);
      (stands ? shown : dimmed).push(id);
    }
    return [shown, dimmed];
  }

  /**
   * Where the seats are on the screen, x, y, x, y…, apart by what they look like: first the looks that have one colour,
   * at their codes, then the free seats of each category; and all this once for each kind of outline.
   */
  #piles(scene: Scene, ids: readonly number[]): (number[] | undefined)[] {
    const { view, looks, fades } = scene;
    const { x, y, category, space } = this.#model;
    const piles: (number[] | undefined)[] = [];
    for (const id of ids) {
      if (fades.size > 0 && fades.has(id)) continue;
      const look = looks[id] ?? AVAILABLE;
      const pile = look === AVAILABLE ? FIRST_CATEGORY + (category[id] ?? 0) : look;
      const at = pile + (space[id] ?? 0) * this.#kinds;
      (piles[at] ??= []).push((x[id] ?? 0) * view.k + view.x, (y[id] ?? 0) * view.k + view.y);
    }
    return piles;
  }

  /** From afar a seat is a few pixels: squares of one colour after the other are the fastest to draw. */
  #drawSquares(ctx: Context, scene: Scene, ids: readonly number[]): void {
    const pitchPx = this.#model.pitch * scene.view.k;
    const piles = this.#piles({ ...scene, fades: new Map() }, ids);
    for (const [pile, places] of piles.entries()) {
      if (!places) continue;
      const at = pile % this.#kinds;
      const side = (SQUARES[at] ?? SQUARES[0]) * pitchPx;
      ctx.fillStyle = this.#squareColor(at);
      for (let place = 0; place < places.length; place += 2) {
        const [left, top] = [(places[place] ?? 0) - side / 2, (places[place + 1] ?? 0) - side / 2];
        ctx.fillRect(left, top, side, side);
      }
    }
  }

  #squareColor(at: number): string {
    const { palette } = this;
    if (at >= FIRST_CATEGORY) return palette.categories[at - FIRST_CATEGORY]?.fill ?? palette.label;
    const colors = [palette.label, palette.heldLine, palette.soldLine, palette.blockedLine];
    return [...colors, palette.picked, palette.mine][at] ?? palette.label;
  }

  #drawGlyphs(ctx: Context, scene: Scene, ids: readonly number[]): void {
    const radius = this.#model.pitch * scene.view.k * RADIUS;
    for (const [pile, places] of this.#piles(scene, ids).entries()) {
      if (!places) continue;
      const at = pile % this.#kinds;
      const space = spaces[Math.floor(pile / this.#kinds)];
      const category = Math.max(0, at - FIRST_CATEGORY);
      const look = at >= FIRST_CATEGORY ? 'available' : (looks[at] ?? 'blocked');
      drawGlyphs(ctx, layersOf(look, radius, this.palette, category, space), radius, places);
    }
    if (scene.fades.size > 0) this.#drawFades(ctx, scene, ids, radius);
  }

  /** What a seat was goes as what it is comes. */
  #drawFades(ctx: Context, scene: Scene, ids: readonly number[], radius: number): void {
    const { view, fades } = scene;
    const { x, y, category } = this.#model;
    const alpha = ctx.globalAlpha;
    for (const id of ids) {
      const fade = fades.get(id);
      if (!fade) continue;
      const place = [(x[id] ?? 0) * view.k + view.x, (y[id] ?? 0) * view.k + view.y];
      const draw = (code: number, share: number) => {
        const look = looks[code] ?? 'blocked';
        ctx.globalAlpha = alpha * share;
        const layers = layersOf(
          look,
          radius,
          this.palette,
          category[id] ?? 0,
          this.#model.spaceOf(id),
        );
        drawGlyphs(ctx, layers, radius, place);
      };
      draw(fade.from, 1 - fade.share);
      draw(scene.looks[id] ?? AVAILABLE, fade.share);
    }
    ctx.globalAlpha = alpha;
  }

  #writeNumbers(ctx: Context, scene: Scene, ids: readonly number[]): void {
    const { view, looks } = scene;
    const { x, y, category, pitch, space } = this.#model;
    const px = pitch * view.k;
    ctx.font = `600 ${Math.min(17, px * 0.36)}px ${this.palette.font}`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    for (const id of ids) {
      // A sign is already on those that are kept for some.
      if (looks[id] !== AVAILABLE || space[id] !== 0 || scene.fades.has(id)) continue;
      const mark = this.palette.categories[category[id] ?? 0]?.mark ?? this.palette.ground;
      if (ctx.fillStyle !== mark) ctx.fillStyle = mark;
      const number = this.#model.number(id);
      ctx.fillText(number, (x[id] ?? 0) * view.k + view.x, (y[id] ?? 0) * view.k + view.y + 0.5);
    }
  }

  /** Beside the first and the last seat of each row, in the direction of the row. */
  #writeRows(ctx: Context, scene: Scene): void {
    const { view, size } = scene;
    const { pitch, rows, x, y } = this.#model;
    const seen = seenBox(view, size);
    ctx.font = `650 ${Math.min(15, Math.max(10, pitch * view.k * 0.4))}px ${this.palette.font}`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillStyle = this.palette.label;
    const write = (label: string, end: number, next: number) => {
      const [endX, endY] = [x[end] ?? 0, y[end] ?? 0];
      const [dx, dy] = [endX - (x[next] ?? 0), endY - (y[next] ?? 0)];
      const length = Math.hypot(dx, dy);
      const [unitX, unitY] = length > 0 ? [dx / length, dy / length] : [-1, 0];
      const [atX, atY] = [endX + unitX * pitch * 0.92, endY + unitY * pitch * 0.92];
      if (atX < seen.minX || atX > seen.maxX || atY < seen.minY || atY > seen.maxY) return;
      if (this.#model.nearest(atX, atY, 1, pitch * 0.5).length > 0) return;
      ctx.fillText(label, atX * view.k + view.x, atY * view.k + view.y);
    };
    for (const { label, ids } of rows) {
      const [first, last] = [ids[0], ids.at(-1)];
      if (first === undefined || last === undefined || label === '') continue;
      write(label, first, ids[1] ?? first);
      if (last !== first) write(label, last, ids.at(-2) ?? last);
    }
  }

  /** The name of a section above it, where no seat is in the way. */
  #writeCaptions(ctx: Context, scene: Scene): void {
    const { view } = scene;
    const { pitch, sections } = this.#model;
    if (sections.length < 2) return;
    ctx.font = `650 ${CAPTION_PX}px ${this.palette.font}`;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'alphabetic';
    ctx.fillStyle = this.palette.label;
    const seen = seenBox(view, scene.size);
    for (const { label, box, count } of sections) {
      if (count === 0 || !touches(box, seen, pitch * 3)) continue;
      const half = ctx.measureText(label).width / 2 / view.k;
      const middle = (box.minX + box.maxX) / 2;
      const bottom = box.minY - pitch * 0.72;
      const room = { minX: middle - half - pitch / 2, maxX: middle + half + pitch / 2 };
      const tall = { minY: bottom - CAPTION_PX / view.k - pitch / 2, maxY: bottom };
      if (2 * half > box.maxX - box.minX + pitch || this.#model.within({ ...room, ...tall }).length)
        continue;
      ctx.fillText(label, middle * view.k + view.x, bottom * view.k + view.y);
    }
  }

  /** Around the seat that is pointed at. */
  #ring(ctx: Context, scene: Scene): void {
    const id = scene.hovered;
    if (id === undefined) return;
    const { view } = scene;
    const { x, y, pitch } = this.#model;
    ctx.strokeStyle = this.palette.focus;
    ctx.lineWidth = 2.5;
    ctx.beginPath();
    const radius = Math.max(5, pitch * view.k * RADIUS + 2);
    ctx.arc((x[id] ?? 0) * view.k + view.x, (y[id] ?? 0) * view.k + view.y, radius, 0, 2 * Math.PI);
    ctx.stroke();
  }
}

/** The region of the screen that a seat and its ring take up. */
export function cellOf(model: SeatingModel, id: number, view: View): Box {
  const [x, y] = [(model.x[id] ?? 0) * view.k + view.x, (model.y[id] ?? 0) * view.k + view.y];
  const half = Math.max(8, model.pitch * view.k * 0.6 + 4);
  return { minX: x - half, minY: y - half, maxX: x + half, maxY: y + half };
}

function planBox(region: Box, view: View, margin: number): Box {
  return {
    minX: (region.minX - view.x) / view.k - margin,
    minY: (region.minY - view.y) / view.k - margin,
    maxX: (region.maxX - view.x) / view.k + margin,
    maxY: (region.maxY - view.y) / view.k + margin,
  };
}
