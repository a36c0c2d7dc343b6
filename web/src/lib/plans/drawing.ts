/**
 * Draws a plan on a canvas: its shapes, its seats, what is special about them.
 *
 * Invariant: what makes a seat special has a shape of its own and is not told by colour alone.
 */
import type { PlanShape } from '$lib/seats/model';
import type { Size, View } from '$lib/seats/viewport';

import type { Colors } from './colors';
import { marks } from './draft';
import type { Patch, Scene } from './scene';

export type Context = CanvasRenderingContext2D;

/** From so many pixels between neighbours on, seats are round and marks can be told. */
const ROUND_FROM_PX = 7;
const RADIUS = 0.4;
const ACCESSIBLE = 1;
const OUT = 3;
if (marks.indexOf('out') + 1 !== OUT) throw new Error('the codes of marks follow their order');

/** `ghosts` says whether places are shown whose seats were taken out. */
export function drawScene(
  ctx: Context,
  { patches, shapes }: Pick<Scene, 'patches' | 'shapes'>,
  view: View,
  size: Size,
  colors: Colors,
  ghosts = false,
): void {
  for (const shape of shapes) drawShape(ctx, shape, view, colors);
  for (const patch of patches) drawPatch(ctx, patch, view, size, colors, ghosts);
}

function drawPatch(
  ctx: Context,
  patch: Patch,
  view: View,
  { width, height }: Size,
  colors: Colors,
  ghosts: boolean,
): void {
  const { fill, mark } = colors.seat(patch.color);
  const px = patch.pitch * view.k;
  const radius = px * RADIUS;
  const round = px >= ROUND_FROM_PX;
  const side = Math.max(1, px * 0.72);
  ctx.fillStyle = fill;
  const special: [number, number, number][] = [];
  // Counting through is several times faster here than asking the array for its entries.
  for (let index = 0; index < patch.x.length; index++) {
    const x = (patch.x[index] ?? 0) * view.k + view.x;
    const y = (patch.y[index] ?? 0) * view.k + view.y;
    if (x < -px || y < -px || x > width + px || y > height + px) continue;
    const code = patch.marks[index] ?? 0;
    if (code !== 0) special.push([code, x, y]);
    else if (!round) ctx.fillRect(x - side / 2, y - side / 2, side, side);
    else {
      ctx.beginPath();
      ctx.arc(x, y, radius, 0, 2 * Math.PI);
      ctx.fill();
    }
  }
  for (const [code, x, y] of special) {
    if (code === OUT) {
      if (ghosts) drawGhost(ctx, x, y, Math.max(2, radius), colors);
    } else drawSpecial(ctx, code, x, y, Math.max(1.5, radius * 1.1), fill, mark);
  }
}

/** A square with the sign for it: a wheelchair, or one person beside another. */
function drawSpecial(
  ctx: Context,
  code: number,
  x: number,
  y: number,
  half: number,
  fill: string,
  mark: string,
): void {
  ctx.fillStyle = fill;
  ctx.beginPath();
  ctx.roundRect(x - half, y - half, 2 * half, 2 * half, half * 0.3);
  ctx.fill();
  if (half < 5) {
    // Too small for a sign: a square that is open, or half open.
    ctx.fillStyle = mark;
    const inner = half * 0.45;
    ctx.fillRect(x - inner, y - inner, code === ACCESSIBLE ? 2 * inner : inner, 2 * inner);
    return;
  }
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(half / 10, half / 10);
  ctx.strokeStyle = mark;
  ctx.fillStyle = mark;
  ctx.lineWidth = 1.8;
  ctx.lineCap = 'round';
  ctx.lineJoin = 'round';
  if (code === ACCESSIBLE) wheelchair(ctx);
  else companions(ctx);
  ctx.restore();
}

/** Within ±10. */
function wheelchair(ctx: Context): void {
  ctx.beginPath();
  ctx.arc(-1.5, -6.2, 1.7, 0, 2 * Math.PI);
  ctx.fill();
  ctx.beginPath();
  ctx.moveTo(-1.5, -3.4);
  ctx.lineTo(-1.5, 1.2);
  ctx.lineTo(3, 1.2);
  ctx.lineTo(5, 6);
  ctx.moveTo(-1.5, -1.2);
  ctx.lineTo(2.6, -1.2);
  ctx.moveTo(-3.4, -0.2);
  ctx.arc(-1.2, 3.2, 4, -2.2, 0.7, true);
  ctx.stroke();
}

function companions(ctx: Context): void {
  for (const x of [-3.4, 3.4]) {
    ctx.beginPath();
    ctx.arc(x, -3.6, 1.9, 0, 2 * Math.PI);
    ctx.fill();
    ctx.beginPath();
    ctx.moveTo(x - 2.4, 5.4);
    ctx.arc(x, 2, 2.4, Math.PI, 0);
    ctx.lineTo(x + 2.4, 5.4);
    ctx.stroke();
  }
}

/** A cross where a seat was. */
function drawGhost(ctx: Context, x: number, y: number, radius: number, colors: Colors): void {
  const arm = radius * 0.5;
  ctx.strokeStyle = colors.line;
  ctx.lineWidth = Math.max(1, radius * 0.14);
  ctx.beginPath();
  if (radius >= 4) {
    ctx.moveTo(x + radius, y);
    ctx.arc(x, y, radius, 0, 2 * Math.PI);
  }
  ctx.moveTo(x - arm, y - arm);
  ctx.lineTo(x + arm, y + arm);
  ctx.moveTo(x + arm, y - arm);
  ctx.lineTo(x - arm, y + arm);
  ctx.stroke();
}

function drawShape(ctx: Context, shape: PlanShape, view: View, colors: Colors): void {
  const { width = 0, height = 0, rx = 0, ry = 0, points = [] } = shape;
  ctx.save();
  ctx.translate(shape.x * view.k + view.x, shape.y * view.k + view.y);
  ctx.rotate(((shape.rotation ?? 0) * Math.PI) / 180);
  ctx.scale(view.k, view.k);
  ctx.beginPath();
  let middle: { x: number; y: number; width: number; height: number } = {
    x: 0,
    y: 0,
    width: 0,
    height: 0,
  };
  if (shape.kind === 'rectangle') {
    ctx.roundRect(0, 0, width, height, Math.min(width, height) * 0.08);
    middle = { x: width / 2, y: height / 2, width, height };
  } else if (shape.kind === 'ellipse') {
    ctx.ellipse(0, 0, Math.abs(rx), Math.abs(ry), 0, 0, 2 * Math.PI);
    middle = { x: 0, y: 0, width: 2 * rx, height: 2 * ry };
  } else if (shape.kind === 'polygon') {
    for (const [x, y] of points) ctx.lineTo(x, y);
    ctx.closePath();
    const mean = (values: readonly number[]) =>
      values.reduce((all, value) => all + value, 0) / Math.max(1, values.length);
    const xs = points.map(([x]) => x);
    const across = Math.max(...xs) - Math.min(...xs);
    middle = { x: mean(xs), y: mean(points.map(([, y]) => y)), width: across, height: across };
  }
  ctx.fillStyle = colors.stage;
  ctx.fill();
  if (shape.text) writeOn(ctx, shape.text, middle, view.k, colors);
  ctx.restore();
}

/** As large as fits, but never larger than the names of blocks. */
function writeOn(
  ctx: Context,
  text: string,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
  k: number,
  colors: Colors,
): void {
  const most = width > 0 ? (width * k * 1.5) / Math.max(2, text.length) : 16;
  const px = Math.min(16, most, height > 0 ? height * k * 0.7 : 16);
  if (px < 6) return;
  ctx.font = `600 ${px / k}px ${colors.font}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = colors.label;
  ctx.fillText(text, x, y, width > 0 ? width * 0.94 : undefined);
}
