/** What is written on the drawing of a draft: names of blocks and rows, numbers of seats, and what is chosen. */
import type { Size, View } from '$lib/seats/viewport';

import type { Colors } from './colors';
import { type Block, type Draft, categoryOfRow, placeKey } from './draft';
import type { Context } from './drawing';
import { sidesOf } from './edits';
import { cornersOf, formBox, outOf, placesOf } from './geometry';
import { rowNamesOf, seatNumbersOf } from './naming';

const ROWS_FROM_PX = 11;
const NUMBERS_FROM_PX = 20;
const NAME_PX = 14;
const NAME_IN_FRONT_FROM_PX = 12;
/** How far the handle is from the box of what is chosen, and how large. */
export const HANDLE_AWAY_PX = 30;
export const HANDLE_PX = 9;

export function drawLabels(
  ctx: Context,
  draft: Draft,
  view: View,
  size: Size,
  colors: Colors,
): void {
  const palette = new Map(draft.categories.map(({ id, color }) => [id, color]));
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  for (const block of draft.blocks) {
    const px = Math.min(block.form.seatPitch, block.form.rowPitch) * view.k;
    if (px >= NUMBERS_FROM_PX) writeNumbers(ctx, block, view, size, colors, palette, px);
    if (px >= ROWS_FROM_PX) writeRows(ctx, block, view, colors, px);
    writeName(ctx, block, view, colors);
  }
}

function writeNumbers(
  ctx: Context,
  block: Block,
  view: View,
  { width, height }: Size,
  colors: Colors,
  palette: ReadonlyMap<string, string>,
  px: number,
): void {
  const places = placesOf(block.form);
  const out = outOf(block);
  ctx.font = `600 ${Math.min(17, px * 0.36)}px ${colors.font}`;
  for (let row = 0; row < block.form.rows; row++) {
    const [start = 0, end = 0] = [places.starts[row], places.starts[row + 1]];
    const color = palette.get(categoryOfRow(block, row)) ?? '';
    ctx.fillStyle = colors.seat(color).mark;
    for (const [seat, number] of seatNumbersOf(block.numbers, end - start).entries()) {
      const [x, y] = out(places.x[start + seat] ?? 0, places.y[start + seat] ?? 0);
      const [atX, atY] = [x * view.k + view.x, y * view.k + view.y];
      if (atX < 0 || atY < 0 || atX > width || atY > height) continue;
      if (block.marks[placeKey(row, seat)]) continue;
      ctx.fillText(String(number), atX, atY + 0.5, px * 0.74);
    }
  }
}

/** Beside the first and the last seat of each row. */
function writeRows(ctx: Context, block: Block, view: View, colors: Colors, px: number): void {
  const places = placesOf(block.form);
  const out = outOf(block);
  ctx.font = `650 ${Math.min(14, Math.max(9, px * 0.5))}px ${colors.font}`;
  ctx.fillStyle = colors.label;
  for (const [row, name] of rowNamesOf(block.rowNames, block.form.rows).entries()) {
    const [start = 0, end = 0] = [places.starts[row], places.starts[row + 1]];
    if (start === end) continue;
    const write = (at: number, next: number) => {
      const [x, y] = [places.x[at] ?? 0, places.y[at] ?? 0];
      const [dx, dy] = [x - (places.x[next] ?? x), y - (places.y[next] ?? y)];
      const length = Math.hypot(dx, dy);
      const unit = length > 0 ? block.form.seatPitch / length : 0;
      const alone = at === start ? -block.form.seatPitch : block.form.seatPitch;
      const [labelX, labelY] = out(x + (length > 0 ? dx * unit : alone), y + dy * unit);
      ctx.fillText(name, labelX * view.k + view.x, labelY * view.k + view.y);
    };
    write(start, start + 1 < end ? start + 1 : start);
    if (end - start > 1) write(end - 1, end - 2);
  }
}

/** In front of the middle of the front row; from afar, where rows are close, in the middle of the block. */
function writeName(ctx: Context, block: Block, view: View, colors: Colors): void {
  const name = block.name.trim();
  if (name === '') return;
  const { minX, maxX } = formBox(block.form);
  ctx.font = `650 ${NAME_PX}px ${colors.font}`;
  const room = Math.max(40, (maxX - minX) * view.k);
  const far = block.form.rowPitch * view.k < NAME_IN_FRONT_FROM_PX;
  const middle = ((block.form.rows - 1) / 2) * block.form.rowPitch;
  const [x, y] = outOf(block)(0, far ? middle : -block.form.rowPitch * 0.5);
  const [sin, cos] = turnOf(block.rotation);
  const away = far ? 0 : NAME_PX * 0.8;
  const [atX, atY] = [x * view.k + view.x + away * sin, y * view.k + view.y - away * cos];
  // A rim in the colour of the ground keeps it legible over seats.
  ctx.lineWidth = 4;
  ctx.lineJoin = 'round';
  ctx.strokeStyle = colors.ground;
  ctx.strokeText(name, atX, atY, room);
  ctx.fillStyle = colors.label;
  ctx.fillText(name, atX, atY, room);
}

function turnOf(degrees: number): [number, number] {
  const angle = (degrees * Math.PI) / 180;
  return [Math.sin(angle), Math.cos(angle)];
}

export interface Frame {
  /** On the screen, from top left on. */
  corners: readonly [number, number][];
  handle: readonly [number, number];
  /** Where the handle's line begins. */
  top: readonly [number, number];
}

/** The frame around a block or a thing, on the screen. */
export function frameOf(draft: Draft, id: string | undefined, view: View): Frame | undefined {
  const block = draft.blocks.find((each) => each.id === id);
  const thing = draft.things.find((each) => each.id === id);
  const of = block ?? thing;
  if (!of) return undefined;
  const box = block ? formBox(block.form) : thing ? sidesOf(thing) : undefined;
  if (!box) return undefined;
  const onScreen = ([x, y]: readonly [number, number]): [number, number] => [
    x * view.k + view.x,
    y * view.k + view.y,
  ];
  const corners = cornersOf(of, box).map(onScreen);
  const top = onScreen(outOf(of)((box.minX + box.maxX) / 2, box.minY));
  const [sin, cos] = turnOf(of.rotation);
  const handle = [top[0] + HANDLE_AWAY_PX * sin, top[1] - HANDLE_AWAY_PX * cos] as const;
  return { corners, handle, top };
}

export function drawFrame(ctx: Context, frame: Frame, colors: Colors, turns: boolean): void {
  ctx.strokeStyle = colors.focus;
  ctx.lineWidth = 2;
  ctx.setLineDash([6, 4]);
  ctx.beginPath();
  for (const [x, y] of frame.corners) ctx.lineTo(x, y);
  ctx.closePath();
  ctx.stroke();
  ctx.setLineDash([]);
  if (!turns) return;
  ctx.beginPath();
  ctx.moveTo(...frame.top);
  ctx.lineTo(...frame.handle);
  ctx.stroke();
  ctx.beginPath();
  ctx.arc(...frame.handle, HANDLE_PX, 0, 2 * Math.PI);
  ctx.fillStyle = colors.ground;
  ctx.fill();
  ctx.stroke();
  // An arrow that goes around says what the handle does.
  ctx.beginPath();
  const [x, y] = frame.handle;
  ctx.arc(x, y, HANDLE_PX * 0.45, -0.4, 4.2);
  ctx.stroke();
}
