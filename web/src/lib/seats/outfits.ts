/**
 * What tells spaces for wheelchairs and companion seats from others, in every state: the outline, a square and a diamond
 * where others are discs, and, while they are free, a sign on it. All lengths in radii of a seat.
 */
import type { Space } from './spaces';

export type Point = readonly [number, number];
export type Lines = readonly (readonly Point[])[];

/** Lines of one width that make up something. */
export interface Strokes {
  width: number;
  lines: Lines;
}

/** A line of no length at all is not drawn. */
const dot = (x: number, y: number): readonly Point[] => [
  [x, y],
  [x + 0.001, y],
];

const DISC: Strokes = { width: 2, lines: [dot(0, 0)] };

/** Closed, around the middle. */
const square = (half: number): readonly Point[] => [
  [-half, -half],
  [half, -half],
  [half, half],
  [-half, half],
  [-half, -half],
];
const diamond = (tip: number): readonly Point[] => [
  [0, -tip],
  [tip, 0],
  [0, tip],
  [-tip, 0],
  [0, -tip],
];

/** Round caps at the corners, and as many rings as it takes to leave no hole. */
const bodies: Record<Space, Strokes> = {
  accessible: { width: 0.5, lines: [square(0.68), square(0.24)] },
  companion: { width: 0.44, lines: [diamond(0.95), diamond(0.5), dot(0, 0)] },
};

/** The outline of a seat, filled. */
export function bodyOf(space: Space | undefined, size: number): Strokes {
  const { width, lines } = space ? bodies[space] : DISC;
  if (!space || size === 1) return { width: width * size, lines };
  return {
    width: width * size,
    lines: lines.map((line) => line.map(([x, y]): Point => [x * size, y * size])),
  };
}

const STEPS = 12;

/** Part of a circle, angles in degrees clockwise from the right. */
function arc(x: number, y: number, radius: number, from: number, to: number): readonly Point[] {
  return Array.from({ length: STEPS + 1 }, (_, step): Point => {
    const angle = ((from + ((to - from) * step) / STEPS) * Math.PI) / 180;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

/** A sitting person over a wheel; a head over shoulders. */
export const signs: Record<Space, readonly Strokes[]> = {
  accessible: [
    { width: 0.28, lines: [dot(-0.1, -0.56)] },
    {
      width: 0.15,
      lines: [
        [
          [-0.1, -0.28],
          [-0.06, 0.06],
          [0.26, 0.06],
          [0.42, 0.42],
          [0.54, 0.37],
        ],
        [
          [-0.09, -0.14],
          [0.2, -0.14],
        ],
        arc(-0.08, 0.22, 0.36, 222, 22),
      ],
    },
  ],
  companion: [
    { width: 0.46, lines: [dot(0, -0.26)] },
    {
      width: 0.3,
      lines: [
        [...arc(0, 0.44, 0.3, 180, 360), [-0.3, 0.44]],
        [
          [0, 0.3],
          [0, 0.4],
        ],
      ],
    },
  ],
};
