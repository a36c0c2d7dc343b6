/**
 * A chart of a span of time, drawn by uPlot in the colours of the theme.
 *
 * Invariant: what is drawn moves only with its figures: the time axis spans the same length from the first second on, the
 * value axis begins at 0 and has a width of its own, and nothing is animated.
 */
import uPlot from 'uplot';

import { language } from '$lib/messages/language.svelte';

import type { Columns } from './history';

export interface Series {
  key: string;
  label: string;
  /** A custom property of the theme. */
  tone: string;
  /** Pixels on and off; lines differ by it and not only by colour. */
  dash?: readonly number[];
  /** The ground under the line is tinted. */
  filled?: boolean;
  /** Has the axis on the right. */
  right?: boolean;
  format: (value: number | null | undefined) => string;
}

/** The next round number at or above, so that the axis does not move with every unit. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * power >= value * 0.999_999);
  return (step ?? 10) * power;
}

/** A time on the axis: seconds only where the ticks are closer than a minute. */
function tick(seconds: number, everySeconds: number): string {
  return new Intl.DateTimeFormat(language.locale, {
    hour: 'numeric',
    minute: '2-digit',
    ...(everySeconds < 60 ? { second: '2-digit' } : {}),
  }).format(seconds * 1_000);
}

export interface Drawing {
  series: readonly Series[];
  spanMs: number;
  /** The value axis is at least so long. */
  atLeast: number;
  /** The place of the moment pointed at, nothing when none is. */
  onpoint: (index: number | null) => void;
}

export function draw(host: HTMLElement, drawing: Drawing, data: Columns): uPlot {
  const style = getComputedStyle(host);
  const tone = (name: string) => style.getPropertyValue(name).trim();
  const textPx = parseFloat(style.fontSize);
  const font = `${textPx}px ${style.fontFamily}`;
  const [muted, line] = [tone('--color-muted'), tone('--color-line')];
  const side = (scale: 'left' | 'right', format: Series['format']): uPlot.Axis => ({
    scale,
    side: scale === 'left' ? 3 : 1,
    size: textPx * 3.75,
    gap: textPx * 0.4,
    space: textPx * 2.4,
    stroke: muted,
    font,
    grid: scale === 'left' ? { stroke: line, width: 1 } : { show: false },
    ticks: { show: false },
    values: (_, splits) => splits.map(format),
  });
  const range = (least: number) => (_: uPlot, __: number, most: number | null) =>
    [0, Math.max(least, roundUp(most ?? 0))] as uPlot.Range.MinMax;
  const of = (right: boolean) => drawing.series.find((each) => (each.right ?? false) === right);
  const [left, right] = [of(false), of(true)];

  return new uPlot(
    {
      width: host.clientWidth,
      height: host.clientHeight,
      padding: [textPx * 0.7, right ? 0 : textPx * 2, 0, 0],
      legend: { show: false },
      select: { show: false, left: 0, top: 0, width: 0, height: 0 },
      cursor: { drag: { x: false, y: false }, y: false, points: { size: textPx * 0.6 } },
      scales: {
        x: {
          time: true,
          range: (self) => {
            const end = self.data[0].at(-1) ?? 0;
            return [end - drawing.spanMs / 1_000, end];
          },
        },
        left: { range: range(drawing.atLeast) },
        // A hundredth: fewer errors than that are seen as few.
        right: { range: range(0.01) },
      },
      axes: [
        {
          stroke: muted,
          font,
          size: textPx * 2,
          gap: textPx * 0.4,
          space: textPx * 6.5,
          grid: { show: false },
          ticks: { stroke: line, width: 1, size: textPx * 0.3 },
          values: (_, splits, __, ___, every) => splits.map((at) => tick(at, every)),
        },
        ...(left ? [side('left', left.format)] : []),
        ...(right ? [side('right', right.format)] : []),
      ],
      series: [
        {},
        ...drawing.series.map((each): uPlot.Series => ({
          label: each.label,
          scale: each.right ? 'right' : 'left',
          stroke: tone(each.tone),
          width: Math.max(2, textPx / 7),
          ...(each.dash ? { dash: [...each.dash] } : {}),
          ...(each.filled
            ? { fill: `color-mix(in srgb, ${tone(each.tone)} 14%, transparent)` }
            : {}),
          points: { show: (_, __, first, last) => last - first < 1 },
        })),
      ],
      hooks: {
        setCursor: [(self) => drawing.onpoint(self.cursor.idx ?? null)],
      },
    },
    data,
    host,
  );
}
