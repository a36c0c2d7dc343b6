/**
 * The picture of one seat. Each look has a shape of its own, so that none is told by colour alone: a disc is free, a
 * hatched ring held by others, a cross sold, a bar not for sale, a tick picked, a star one's own.
 *
 * Invariant: a picture stays within its cell, which is `CELL` radii wide.
 */
import { AVAILABLE, type Look, looks } from './looks';
import type { Palette } from './palette';

/** Room for the largest picture and its soft edge. */
export const CELL = 2.5;
/** The picked stand out a little. */
const PROUD = 1.14;

/** On the sheet, the looks that have one colour come first, then the free seats of each category. */
const FIRST_CATEGORY = looks.length - 1;

export type Context = CanvasRenderingContext2D;

export function drawGlyph(
  ctx: Context,
  look: Look,
  x: number,
  y: number,
  radius: number,
  palette: Palette,
  category: number,
): void {
  const disc = (size: number, fill: string) => {
    ctx.fillStyle = fill;
    ctx.beginPath();
    ctx.arc(x, y, size, 0, 2 * Math.PI);
    ctx.fill();
  };
  const lines = (width: number, color: string, ...points: [number, number][][]) => {
    ctx.strokeStyle = color;
    ctx.lineWidth = width;
    ctx.lineCap = 'round';
    ctx.lineJoin = 'round';
    ctx.beginPath();
    for (const line of points) {
      for (const [index, [dx, dy]] of line.entries()) {
        if (index === 0) ctx.moveTo(x + dx * radius, y + dy * radius);
        else ctx.lineTo(x + dx * radius, y + dy * radius);
      }
    }
    ctx.stroke();
  };
  const thin = Math.max(1, radius * 0.13);
  switch (look) {
    case 'available':
      disc(radius, palette.categories[category]?.fill ?? palette.label);
      break;
    case 'held':
      disc(radius * 0.9, palette.held);
      if (radius >= 5) {
        lines(thin, palette.heldLine,
          [[-0.62, 0.12], [0.12, -0.62]],
          [[-0.46, 0.46], [0.46, -0.46]],
          [[-0.12, 0.62], [0.62, -0.12]],
        ); // prettier-ignore
      }
      ctx.strokeStyle = palette.heldLine;
      ctx.lineWidth = thin;
      ctx.beginPath();
      ctx.arc(x, y, radius * 0.9 - thin / 2, 0, 2 * Math.PI);
      ctx.stroke();
      break;
    case 'sold':
      disc(radius * 0.85, palette.sold);
      lines(Math.max(1, radius * 0.17), palette.soldLine,
        [[-0.33, -0.33], [0.33, 0.33]],
        [[-0.33, 0.33], [0.33, -0.33]],
      ); // prettier-ignore
      break;
    case 'blocked':
      lines(Math.max(1, radius * 0.22), palette.blockedLine, [[-0.4, 0], [0.4, 0]]); // prettier-ignore
      break;
    case 'picked':
      disc(radius * PROUD, palette.picked);
      lines(Math.max(1.2, radius * 0.2), palette.pickedMark, [[-0.45, 0.03], [-0.12, 0.36], [0.48, -0.34]]); // prettier-ignore
      break;
    case 'mine':
      disc(radius * PROUD, palette.mine);
      ctx.fillStyle = palette.mineMark;
      star(ctx, x, y, radius * 0.72);
      break;
  }
}

function star(ctx: Context, x: number, y: number, radius: number): void {
  ctx.beginPath();
  for (let point = 0; point < 10; point++) {
    const size = point % 2 === 0 ? radius : radius * 0.45;
    const angle = (point * Math.PI) / 5 - Math.PI / 2;
    ctx.lineTo(x + size * Math.cos(angle), y + size * Math.sin(angle));
  }
  ctx.closePath();
  ctx.fill();
}

/**
 * All pictures of one size side by side, drawn once and copied for every seat: copying is several times faster than
 * drawing, however rich the picture.
 */
export class GlyphSheet {
  readonly canvas = document.createElement('canvas');
  /** Width of a cell in device pixels. */
  cell = 0;
  #key = '';
  #palette: Palette | undefined;

  /** Radius in CSS pixels. */
  prepare(radius: number, dpr: number, palette: Palette): void {
    const key = `${radius.toFixed(2)} ${dpr}`;
    if (key === this.#key && palette === this.#palette) return;
    this.#key = key;
    this.#palette = palette;
    const cell = Math.ceil(radius * CELL * dpr) + 2;
    this.cell = cell;
    const count = FIRST_CATEGORY + Math.max(1, palette.categories.length);
    // Setting a size wipes the sheet, too.
    this.canvas.width = cell * count;
    this.canvas.height = cell;
    const ctx = this.canvas.getContext('2d');
    if (!ctx) return;
    ctx.setTransform(dpr, 0, 0, dpr, 0, 0);
    const middle = cell / 2 / dpr;
    for (let place = 0; place < count; place++) {
      const category = place - FIRST_CATEGORY;
      const look = category >= 0 ? 'available' : (looks[place + 1] ?? 'blocked');
      drawGlyph(ctx, look, middle + (place * cell) / dpr, middle, radius, palette, category);
    }
  }

  /** Where on the sheet a picture starts, in device pixels. */
  offset(look: number, category: number): number {
    return this.cell * (look === AVAILABLE ? FIRST_CATEGORY + category : look - 1);
  }
}
