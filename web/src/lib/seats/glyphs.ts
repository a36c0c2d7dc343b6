/**
 * The pictures of seats. Each look has a shape of its own, so that none is told by colour alone: a disc is free, a
 * hatched ring held by others, a cross sold, a bar not for sale, a tick picked, a star one's own. What is kept for some
 * has another outline in all of them; see `outfits.ts`.
 *
 * Every picture is made of round-capped lines, a disc being a line with no length: drawing thousands of them takes one
 * stroke for hundreds of seats. Without a graphics card that is ten times as fast as copying images.
 *
 * Invariant: a picture stays within a square that reaches `PROUD` radii from its middle to each side.
 */
import type { Look } from './looks';
import { type Lines, type Point, type Strokes, bodyOf, signs } from './outfits';
import type { Palette } from './palette';
import type { Space } from './spaces';

export type Context = CanvasRenderingContext2D;

/** Drawn one over the other; all lengths in radii. */
interface Layer extends Strokes {
  color: string;
}

/** The picked stand out a little. */
export const PROUD = 1.14;
/** Below this radius, in CSS pixels, hatching would be a smear. */
const HATCH_FROM_PX = 4.5;
/** And below this one, a sign. */
const SIGN_FROM_PX = 5;
/** Seats in one path: more of them make the path slower to fill than they save. */
const BATCH = 200;
const HATCH: Lines = [
  [
    [-0.6, 0.12],
    [0.12, -0.6],
  ],
  [
    [-0.45, 0.45],
    [0.45, -0.45],
  ],
  [
    [-0.12, 0.6],
    [0.6, -0.12],
  ],
];
const CROSS: Lines = [
  [
    [-0.33, -0.33],
    [0.33, 0.33],
  ],
  [
    [-0.33, 0.33],
    [0.33, -0.33],
  ],
];
const BAR: Lines = [
  [
    [-0.4, 0],
    [0.4, 0],
  ],
];
const TICK: Lines = [
  [
    [-0.45, 0.03],
    [-0.12, 0.36],
    [0.48, -0.34],
  ],
];
/** Drawn in one go, a star of five points covers itself. */
const STAR: Lines = [
  [0, 2, 4, 1, 3, 0].map((corner): Point => {
    const angle = (corner * 2 * Math.PI) / 5 - Math.PI / 2;
    return [0.58 * Math.cos(angle), 0.58 * Math.sin(angle) + 0.04];
  }),
  [0, 1, 2, 3, 4, 0].map((corner): Point => {
    const angle = (corner * 2 * Math.PI) / 5 + Math.PI / 2;
    return [0.14 * Math.cos(angle), 0.14 * Math.sin(angle) + 0.04];
  }),
];

export function layersOf(
  look: Look,
  radius: number,
  palette: Palette,
  category: number,
  space?: Space,
): readonly Layer[] {
  const body = (size: number, color: string): Layer => ({ color, ...bodyOf(space, size) });
  const thin = Math.max(0.13, 1 / radius);
  const thick = Math.max(0.19, 1.2 / radius);
  switch (look) {
    case 'available': {
      const { fill, mark } = palette.categories[category] ?? { fill: palette.label };
      const whole = [body(1, fill)];
      if (!space || radius < SIGN_FROM_PX) return whole;
      const color = mark ?? palette.ground;
      return [...whole, ...signs[space].map((strokes) => ({ color, ...strokes }))];
    }
    case 'held': {
      const ring = [body(0.92, palette.heldLine), body(0.92 - thin, palette.held)];
      return radius < HATCH_FROM_PX
        ? ring
        : [...ring, { color: palette.heldLine, width: thin, lines: HATCH }];
    }
    case 'sold':
      return [body(0.85, palette.sold), { color: palette.soldLine, width: thick, lines: CROSS }];
    case 'blocked': {
      const bar = { color: palette.blockedLine, width: thick, lines: BAR };
      if (!space) return [bar];
      return [body(0.85, palette.blockedLine), body(0.85 - thin, palette.blocked), bar];
    }
    case 'picked':
      return [
        body(PROUD, palette.picked),
        { color: palette.pickedMark, width: thick, lines: TICK },
      ];
    case 'mine':
      return [body(PROUD, palette.mine), { color: palette.mineMark, width: 0.18, lines: STAR }];
  }
}

/** The same picture at many places, given as x, y, x, y… in CSS pixels. */
export function drawGlyphs(
  ctx: Context,
  layers: readonly Layer[],
  radius: number,
  places: readonly number[],
): void {
  ctx.lineCap = 'round';
  ctx.lineJoin = 'round';
  for (const { color, width, lines } of layers) {
    ctx.strokeStyle = color;
    ctx.lineWidth = width * radius;
    for (let start = 0; start < places.length; start += 2 * BATCH) {
      ctx.beginPath();
      const end = Math.min(places.length, start + 2 * BATCH);
      for (let at = start; at < end; at += 2) {
        trace(ctx, lines, places[at] ?? 0, places[at + 1] ?? 0, radius);
      }
      ctx.stroke();
    }
  }
}

function trace(ctx: Context, lines: Lines, x: number, y: number, radius: number): void {
  for (const line of lines) {
    for (let at = 0; at < line.length; at++) {
      const [dx, dy] = line[at] ?? [0, 0];
      if (at === 0) ctx.moveTo(x + dx * radius, y + dy * radius);
      else ctx.lineTo(x + dx * radius, y + dy * radius);
    }
  }
}
