/**
 * The colours of the map, read from the theme and from the plan.
 *
 * Invariant: a category keeps its hue, but is always told from the ground with a contrast of at least 3:1, and what is
 * written on it with at least 4.5:1.
 */
import type { Category } from './model';

export interface Palette {
  ground: string;
  section: string;
  sectionLine: string;
  label: string;
  held: string;
  heldLine: string;
  sold: string;
  soldLine: string;
  blocked: string;
  blockedLine: string;
  picked: string;
  pickedMark: string;
  mine: string;
  mineMark: string;
  focus: string;
  stage: string;
  /** How opaque a seat is that the filter leaves out. */
  dimmed: number;
  font: string;
  categories: readonly { fill: string; mark: string; soft: string }[];
}

type Rgb = readonly [number, number, number];

/** WCAG 2.2, 1.4.11 for shapes and 1.4.3 for text. */
const SHAPE_CONTRAST = 3;
const BLACK: Rgb = [0, 0, 0];
const WHITE: Rgb = [255, 255, 255];
/** How much of its category's colour a section shows from afar. */
const SOFT = 0.22;

export function readPalette(style: CSSStyleDeclaration, categories: readonly Category[]): Palette {
  const read = (name: string) => style.getPropertyValue(`--seat-${name}`).trim();
  const ground = read('ground');
  const section = read('section');
  return {
    ground,
    section,
    sectionLine: read('section-line'),
    label: read('label'),
    held: read('held'),
    heldLine: read('held-line'),
    sold: read('sold'),
    soldLine: read('sold-line'),
    blocked: read('blocked'),
    blockedLine: read('blocked-line'),
    picked: read('picked'),
    pickedMark: read('picked-mark'),
    mine: read('mine'),
    mineMark: read('mine-mark'),
    focus: read('focus'),
    stage: read('stage'),
    dimmed: Number(read('dimmed')) || 1,
    font: style.getPropertyValue('--font-text').trim() || 'sans-serif',
    categories: categories.map(({ color }) => {
      const fill = legible(color, [section, ground]);
      return { fill, mark: markOn(fill), soft: mixed(section, fill, SOFT) };
    }),
  };
}

/** The colour, moved towards black or white until it is told from all grounds. */
export function legible(color: string, grounds: readonly string[]): string {
  const from = rgbOf(color) ?? [110, 110, 110];
  const against = grounds.flatMap((ground) => [rgbOf(ground) ?? WHITE]);
  const dark = against.every((ground) => luminance(ground) < 0.2);
  for (let step = 0; step < 20; step++) {
    const candidate = blend(from, dark ? WHITE : BLACK, step / 20);
    if (against.every((ground) => contrast(candidate, ground) >= SHAPE_CONTRAST)) {
      return hexOf(candidate);
    }
  }
  return hexOf(dark ? WHITE : BLACK);
}

/** Black or white, whichever reads better on a colour. */
export function markOn(color: string): string {
  const ground = rgbOf(color) ?? WHITE;
  return hexOf(contrast(WHITE, ground) >= contrast(BLACK, ground) ? WHITE : BLACK);
}

export function mixed(first: string, second: string, share: number): string {
  return hexOf(blend(rgbOf(first) ?? WHITE, rgbOf(second) ?? WHITE, share));
}

export function contrastOf(first: string, second: string): number {
  return contrast(rgbOf(first) ?? WHITE, rgbOf(second) ?? WHITE);
}

function contrast(first: Rgb, second: Rgb): number {
  const [a, b] = [luminance(first), luminance(second)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Relative luminance as WCAG 2.2 defines it. */
function luminance(color: Rgb): number {
  const [r, g, b] = color.map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function blend(first: Rgb, second: Rgb, share: number): Rgb {
  const at = (index: 0 | 1 | 2) => first[index] + (second[index] - first[index]) * share;
  return [at(0), at(1), at(2)];
}

function rgbOf(text: string): Rgb | undefined {
  const digits = /^#([\da-f]{6})$/i.exec(text)?.[1];
  if (!digits) {
    const short = /^#([\da-f])([\da-f])([\da-f])$/i.exec(text);
    return short
      ? rgbOf(
          `#${short
            .slice(1)
            .map((digit) => digit + digit)
            .join('')}`,
        )
      : undefined;
  }
  const value = parseInt(digits, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function hexOf(color: Rgb): string {
  return `#${color.map((channel) => Math.round(channel).toString(16).padStart(2, '0')).join('')}`;
}
