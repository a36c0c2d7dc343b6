/** Drafts to test with. */
import { type Block, type Draft, type Form, usualForm } from './draft';

export function block(form: Partial<Form> = {}, others: Partial<Block> = {}): Block {
  return {
    id: 'b2',
    name: 'Stalls',
    category: 'c1',
    front: { rows: 0, category: 'c1' },
    x: 0,
    y: 0,
    rotation: 0,
    form: { ...usualForm, rows: 3, seats: 4, ...form },
    rowNames: { kind: 'letters', start: 1, from: 'front' },
    numbers: { from: 'left', count: 'all', start: 1 },
    marks: {},
    ...others,
  };
}

export function draft(blocks: readonly Block[], others: Partial<Draft> = {}): Draft {
  return {
    name: 'Hall',
    categories: [
      { id: 'c1', name: 'Standard', color: '#1f7bd8' },
      { id: 'c90', name: 'Premium', color: '#d14876' },
    ],
    blocks,
    things: [],
    next: 100,
    ...others,
  };
}

export const templateWords = {
  stage: 'STAGE',
  standard: 'Standard',
  premium: 'Premium',
  balcony: 'Balcony',
  stalls: 'Stalls',
  hall: 'Hall',
  names: { empty: '', square: 'Square', hall: 'Hall', theatre: 'Theatre' },
};

export const editWords = {
  block: (count: number) => `Block ${count}`,
  category: (count: number) => `Category ${count}`,
  copy: (name: string) => `${name} (copy)`,
  things: { stage: 'STAGE', bar: 'Bar', standing: 'Standing' },
};
