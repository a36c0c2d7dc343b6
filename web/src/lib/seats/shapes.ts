/** What is drawn of a hall besides its seats: the stage, walls, words. */
import type { Context } from './glyphs';
import type { PlanShape } from './model';
import type { Palette } from './palette';
import type { View } from './viewport';

export function drawShapes(
  ctx: Context,
  shapes: readonly PlanShape[],
  view: View,
  palette: Palette,
): void {
  for (const shape of shapes) {
    const turn = ((shape.rotation ?? 0) * Math.PI) / 180;
    ctx.save();
    ctx.transform(view.k, 0, 0, view.k, view.x, view.y);
    ctx.translate(shape.x, shape.y);
    ctx.rotate(turn);
    const middle = traced(ctx, shape);
    ctx.fillStyle = palette.stage;
    ctx.fill();
    if (shape.text) writeOn(ctx, shape.text, middle, view.k, palette);
    ctx.restore();
  }
}

function writeOn(
  ctx: Context,
  text: string,
  middle: { x: number; y: number; width: number },
  k: number,
  palette: Palette,
): void {
  const wanted = Math.min(16, Math.max(10, (middle.width * k) / Math.max(4, text.length)));
  if (middle.width > 0 && middle.width * k < 24) return;
  ctx.font = `600 ${wanted / k}px ${palette.font}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.fillStyle = palette.label;
  ctx.fillText(text, middle.x, middle.y);
}

/** Traces the outline of a shape; gives where a text on it goes. */
function traced(ctx: Context, shape: PlanShape): { x: number; y: number; width: number } {
  const { width = 0, height = 0, radius = 0, points = [] } = shape;
  const [rx, ry] = [shape.rx ?? radius, shape.ry ?? radius];
  ctx.beginPath();
  switch (shape.kind) {
    case 'rectangle':
      ctx.roundRect(0, 0, width, height, Math.min(width, height) * 0.08);
      return { x: width / 2, y: height / 2, width };
    case 'polygon': {
      for (const [x, y] of points) ctx.lineTo(x, y);
      ctx.closePath();
      const xs = points.map(([x]) => x);
      const ys = points.map(([, y]) => y);
      const mean = (all: number[]) => all.reduce((sum, value) => sum + value, 0) / all.length;
      return { x: mean(xs), y: mean(ys), width: Math.max(...xs) - Math.min(...xs) };
    }
    case 'circle':
    case 'ellipse':
      ctx.ellipse(0, 0, rx, ry, 0, 0, 2 * Math.PI);
      return { x: 0, y: 0, width: 2 * rx };
    default:
      return { x: 0, y: 0, width: 0 };
  }
}
