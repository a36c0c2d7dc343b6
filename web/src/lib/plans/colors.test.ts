import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { contrastOf } from '$lib/seats/palette';

import { offeredColors } from './colors';

const theme = readFileSync('src/lib/theme/theme.css', 'utf8');

const values = (name: string) =>
  [...theme.matchAll(new RegExp(`--${name}: (#[0-9a-f]{6});`, 'g'))].map(([, color = '']) => color);

describe('the colours that are offered', () => {
  const style = { getPropertyValue: (name: string) => values(name.slice(2))[0] ?? '' };
  const offered = offeredColors(style as CSSStyleDeclaration);

  it('are told from the grounds of the map in both themes', () => {
    expect(offered).toHaveLength(12);
    const grounds = [...values('seat-ground'), ...values('seat-section')];
    expect(grounds).toHaveLength(4);
    for (const color of offered) {
      for (const ground of grounds) expect(contrastOf(color, ground)).toBeGreaterThanOrEqual(3);
    }
  });
});
