/** Drafts to begin with. */
import { type Block, type Draft, type Form, type Thing, emptyDraft, usualForm } from './draft';

export type TemplateName = 'empty' | 'square' | 'hall' | 'theatre';
export const templateNames: readonly TemplateName[] = ['empty', 'square', 'hall', 'theatre'];

/** What is written on a template. */
export interface TemplateWords {
  stage: string;
  standard: string;
  premium: string;
  balcony: string;
  stalls: string;
  hall: string;
  names: Record<TemplateName, string>;
}

export function template(
  which: TemplateName,
  words: TemplateWords,
  colors: readonly string[],
): Draft {
  return { empty: () => emptyDraft, square, hall, theatre }[which](words, colors);
}

const color = (colors: readonly string[], at: number) => colors[at % colors.length] ?? '#808080';

function block(
  id: string,
  name: string,
  form: Partial<Form>,
  others: Partial<Block> & { category: string },
): Block {
  return {
    id,
    name,
    front: { rows: 0, category: others.category },
    x: 0,
    y: 0,
    rotation: 0,
    form: { ...usualForm, ...form },
    rowNames: { kind: 'letters', start: 1, from: 'front' },
    numbers: { from: 'left', count: 'all', start: 1 },
    marks: {},
    ...others,
  };
}

/** Its middle is above that of the front row. */
const stage = (id: string, text: string, width: number, height: number, y: number): Thing => ({
  id,
  kind: 'stage',
  text,
  x: 0,
  y,
  width,
  height,
  rotation: 0,
});

function square(words: TemplateWords, colors: readonly string[]): Draft {
  return {
    name: words.names.square,
    categories: [{ id: 'c1', name: words.standard, color: color(colors, 0) }],
    blocks: [block('b2', words.hall, { rows: 3, seats: 3 }, { category: 'c1' })],
    things: [stage('t3', words.stage, 120, 40, -70)],
    next: 4,
  };
}

function hall(words: TemplateWords, colors: readonly string[]): Draft {
  const form = { rows: 20, seats: 28, aisles: [7, 21], aisleWidth: 2 };
  const marks: Block['marks'] = {
    '0:0': 'accessible',
    '0:1': 'companion',
    '0:26': 'companion',
    '0:27': 'accessible',
  };
  return {
    name: words.names.hall,
    categories: [{ id: 'c1', name: words.standard, color: color(colors, 0) }],
    blocks: [block('b2', words.hall, form, { category: 'c1', marks })],
    things: [stage('t3', words.stage, 520, 110, -130)],
    next: 4,
  };
}

/** Curved stalls with dearer rows in front, and a balcony behind them. */
function theatre(words: TemplateWords, colors: readonly string[]): Draft {
  const stalls = { rows: 12, seats: 18, grows: 2, curve: 62, aisles: [4, 14], rowPitch: 34 };
  const balcony = { rows: 5, seats: 44, grows: 2, curve: 62, aisles: [15, 29], rowPitch: 34 };
  const numbers = { from: 'middle', count: 'all', start: 1 } as const;
  return {
    name: words.names.theatre,
    categories: [
      { id: 'c1', name: words.premium, color: color(colors, 3) },
      { id: 'c2', name: words.standard, color: color(colors, 0) },
      { id: 'c3', name: words.balcony, color: color(colors, 2) },
    ],
    blocks: [
      block(
        'b4',
        words.stalls,
        { ...stalls, aisleWidth: 1.5 },
        {
          category: 'c2',
          front: { rows: 5, category: 'c1' },
          numbers,
          marks: { '11:0': 'accessible', '11:1': 'companion' },
        },
      ),
      block(
        'b5',
        words.balcony,
        { ...balcony, aisleWidth: 1.5 },
        { category: 'c3', y: 490, numbers },
      ),
    ],
    things: [stage('t6', words.stage, 460, 110, -150)],
    next: 7,
  };
}
