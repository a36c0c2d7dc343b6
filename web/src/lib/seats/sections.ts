/** The sections of a plan: under their seats, or from afar in their place, with how many of them are free. */
import type { Context } from './glyphs';
import type { SeatSection, SeatingModel } from './model';
import { type Point, chordAt, outlineOf } from './outlines';
import type { Scene } from './painter';
import type { Palette } from './palette';
import { seenBox, touches } from './viewport';

export const CAPTION_PX = 13;
const SMALL_CAPTION_PX = 10;

export class SectionPainter {
  readonly #model: SeatingModel;
  readonly #corners: readonly Point[][];
  readonly #outlines: readonly Path2D[];

  constructor(model: SeatingModel) {
    this.#model = model;
    this.#corners = model.sections.map((section) => outlineOf(model, section));
    this.#outlines = this.#corners.map((corners) => {
      const path = new Path2D();
      for (const [x, y] of corners) path.lineTo(x, y);
      path.closePath();
      return path;
    });
  }

  /** From afar they stand for their seats, nearer they lie under them. */
  draw(ctx: Context, scene: Scene, palette: Palette, far: boolean): void {
    const { view, size, dpr } = scene;
    const seen = seenBox(view, size);
    const { pitch, sections } = this.#model;
    ctx.save();
    ctx.transform(view.k, 0, 0, view.k, view.x, view.y);
    ctx.lineJoin = 'round';
    const line = 1.5 / view.k / Math.min(dpr, 1.5);
    for (const section of sections) {
      const outline = this.#outlines[section.index];
      if (!outline || section.count === 0 || !touches(section.box, seen, pitch)) continue;
      const color = palette.categories[section.category];
      const full = scene.free[section.index] === 0;
      const shown = scene.filter.showsSection(section);
      const tinted = far && !full && shown && color !== undefined;
      const edge = tinted ? color.fill : palette.sectionLine;
      const fill = tinted ? color.soft : palette.section;
      ctx.globalAlpha = far && !shown ? palette.dimmed + 0.3 : 1;
      if (far) {
        ctx.strokeStyle = edge;
        ctx.lineWidth = pitch * 1.3 + 2 * line;
        ctx.stroke(outline);
      }
      ctx.strokeStyle = fill;
      ctx.fillStyle = fill;
      ctx.lineWidth = pitch * 1.3;
      ctx.stroke(outline);
      ctx.fill(outline);
    }
    ctx.restore();
  }

  write(ctx: Context, scene: Scene, palette: Palette): void {
    const { k, x, y } = scene.view;
    const { pitch, sections } = this.#model;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'middle';
    ctx.fillStyle = palette.label;
    for (const section of sections) {
      if (section.count === 0) continue;
      const middle = this.#middleOf(section);
      const chord = chordAt(this.#corners[section.index] ?? [], middle.x, middle.y);
      if (!chord) continue;
      const [left, right] = [chord[0] - pitch * 0.6, chord[1] + pitch * 0.6];
      const height = (section.box.maxY - section.box.minY + pitch) * k;
      const [atX, atY] = [((left + right) / 2) * k + x, middle.y * k + y];
      const count = scene.free[section.index] ?? 0;
      const room = { atX, atY, width: (right - left) * k - 3, height };
      this.#writeFitting(ctx, palette, section.label, scene.freeText(count), String(count), room);
    }
  }

  /** The middle of a curved section is where its middle row is, which need not be that of its box. */
  #middleOf(section: SeatSection): { x: number; y: number } {
    const row = section.rows[section.rows.length >> 1];
    const id = row?.ids[row.ids.length >> 1] ?? 0;
    return { x: this.#model.x[id] ?? 0, y: this.#model.y[id] ?? 0 };
  }

  /** As much of name and count as there is room for. */
  #writeFitting(
    ctx: Context,
    palette: Palette,
    name: string,
    free: string,
    count: string,
    room: { atX: number; atY: number; width: number; height: number },
  ): void {
    const { atX, atY, width, height } = room;
    const fits = (text: string, font: string) => {
      ctx.font = font;
      return ctx.measureText(text).width <= width;
    };
    const short = name.slice(name.lastIndexOf(' ') + 1);
    const written = (px: number) => `650 ${px}px ${palette.font}`;
    const px = fits(short, written(CAPTION_PX)) ? CAPTION_PX : SMALL_CAPTION_PX;
    const bold = written(px);
    const plain = `${px - 1}px ${palette.font}`;
    const second = [free, count].find((text) => fits(text, plain));
    const first = [name, short].find((text) => text !== '' && fits(text, bold));
    const both = first !== undefined && second !== undefined && height >= 2.4 * px;
    if (first !== undefined && height >= px) {
      ctx.font = bold;
      ctx.fillText(first, atX, both ? atY - px * 0.62 : atY);
    }
    if (both) {
      ctx.font = plain;
      ctx.fillText(second, atX, atY + px * 0.62);
    }
  }
}
