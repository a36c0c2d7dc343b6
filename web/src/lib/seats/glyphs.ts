/**
 * The pictures of seats. Each look has a shape of its own, so that none is told by colour alone: a disc is free, a
 * hatched ring held by others, a cross sold, a bar not for sale, a tick picked, a star one's own.
 *
 * Every picture is made of round-capped lines, a disc being a line with no length: drawing thousands of them takes one
 * stroke for hundreds of seats. Without a graphics card that is ten times as fast as copying images.
 *
 * Invariant: a picture stays within `PROUD` radii of its middle.
 */
import type { Look } from './looks';
import type { Palette } from './palette';

export type Context = CanvasRenderingContext2D;

type Point = readonly [number, number];

/** Drawn one over the other; all lengths in radii. */
interface Layer {
  color: string;
  width: number;
  lines: readonly (readonly Point[])[];
}

/** The picked stand out a little. */
export const PROUD = 1.14;
/** Below this radius, in CSS pixels, hatching would be a smear. */
const HATCH_FROM_PX = 4.5;
/** Seats in one path: more of them make the path slower to fill than they save. */
const BATCH = 200;
/** A line of no length at all is not drawn. */
const HAIR: readonly (readonly Point[])[] = [
  [
    [0, 0],
    [0.001, 0],
  ],
];
const HATCH: readonly (readonly Point[])[] = [
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
const CROSS: readonly (readonly Point[])[] = [
  [
    [-0.33, -0.33],
    [0.33, 0.33],
  ],
  [
    [-0.33, 0.33],
    [0.33, -0.33],
  ],
];
const BAR: readonly (readonly Point[])[] = [
  [
    [-0.4, 0],
    [0.4, 0],
  ],
];
const TICK: readonly (readonly Point[])[] = [
  [
    [-0.45, 0.03],
    [-0.12, 0.36],
    [0.48, -0.34],
  ],
];
/** Drawn in one go, a star of five points covers itself. */
const STAR: readonly (readonly Point[])[] = [
  [0, 2, 4, 1, 3, 0].map((corner): Point => {
    const angle = (corner * 2 * Math.PI) / 5 - Math.PI / 2;
    return [0.58 * Math.cos(angle), 0.58 * Math.sin(angle) + 0.04];
  }),
  [0, 1, 2, 3, 4, 0].map((corner): Point => {
    const angle = (corner * 2 * Math.PI) / 5 + Math.PI / 2;
    return [0.14 * Math.cos(angle), 0.14 * Math.sin(angle) + 0.04];
  }),
];

const disc = (radius: number, color: string): Layer => ({ color, width: 2 * radius, lines: HAIR });

export function layersOf(
  look: Look,
  radius: number,
  palette: Palette,
  category: number,
): readonly Layer[] {
  const thin = Math.max(0.13, 1 / radius);
  const thick = Math.max(0.19, 1.2 / radius);
  switch (look) {
    case 'available':
      return [disc(1, palette.categories[category]?.fill ?? palette.label)];
    case 'held': {
      const ring = [disc(0.92, palette.heldLine), disc(0.92 - thin, palette.held)];
      return radius < HATCH_FROM_PX
        ? ring
        : [...ring, { color: palette.heldLine, width: thin, lines: HATCH }];
    }
    case 'sold':
      return [disc(0.85, palette.sold), { color: palette.soldLine, width: thick, lines: CROSS }];
    case 'blocked':
      return [{ color: palette.blockedLine, width: thick, lines: BAR }];
    case 'picked':
      return [
        disc(PROUD, palette.picked),
        { color: palette.pickedMark, width: thick, lines: TICK },
      ];
    case 'mine':
      return [disc(PROUD, palette.mine), { color: palette.mineMark, width: 0.18, lines: STAR }];
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

function trace(
  ctx: Context,
  lines: readonly (readonly Point[])[],
  x: number,
  y: number,
  radius: number,
): void {
  for (const line of lines) {
    for (let at = 0; at < line.length; at++) {
      const [dx, dy] = line[at] ?? [0, 0];
      if (at === 0) ctx.moveTo(x + dx * radius, y + dy * radius);
      else ctx.lineTo(x + dx * radius, y + dy * radius);
    }
  }
}
