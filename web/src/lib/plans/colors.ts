/**
 * The colours of a drawing, read from the theme.
 *
 * Invariant: a seat is told from the ground whatever colour its category has, see `legible`.
 */
import { legible, markOn } from '$lib/seats/palette';

export interface Colors {
  ground: string;
  label: string;
  line: string;
  stage: string;
  focus: string;
  font: string;
  /** What a category's colour becomes on this ground, and what is written on it. */
  seat: (color: string) => { fill: string; mark: string };
}

/** How many the theme offers. */
const OFFERED = 12;

export function offeredColors(style = getComputedStyle(document.documentElement)): string[] {
  return Array.from({ length: OFFERED }, (_, index) =>
    style.getPropertyValue(`--plan-color-${index + 1}`).trim(),
  ).filter(Boolean);
}

export function readColors(style = getComputedStyle(document.documentElement)): Colors {
  const read = (name: string) => style.getPropertyValue(name).trim();
  const ground = read('--seat-ground');
  const known = new Map<string, { fill: string; mark: string }>();
  return {
    ground,
    label: read('--seat-label'),
    line: read('--seat-sold-line'),
    stage: read('--seat-stage'),
    focus: read('--seat-focus'),
    font: read('--font-text') || 'sans-serif',
    seat(color) {
      let found = known.get(color);
      if (!found) {
        const fill = legible(color, [ground]);
        known.set(color, (found = { fill, mark: markOn(fill) }));
      }
      return found;
    },
  };
}
