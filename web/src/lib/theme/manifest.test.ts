import { existsSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

const theme = readFileSync('src/lib/theme/theme.css', 'utf8');
const page = readFileSync('index.html', 'utf8');
const manifest = JSON.parse(readFileSync('public/manifest.webmanifest', 'utf8')) as {
  start_url: string;
  theme_color: string;
  background_color: string;
  icons: { src: string; purpose: string }[];
};

/** Values of a property in the order of the file: light, dark, paper. */
const valuesOf = (property: string) =>
  Array.from(theme.matchAll(new RegExp(`--${property}: (#\\w+);`, 'g')), ([, value]) => value);

describe('the manifest', () => {
  it('is linked, and has icons that are there, one of them for masks', () => {
    expect(page).toContain('<link rel="manifest" href="/manifest.webmanifest" />');
    for (const { src } of manifest.icons) expect(existsSync(`public/${src}`), src).toBe(true);
    expect(manifest.icons.map(({ purpose }) => purpose)).toContain('maskable');
    expect(manifest.start_url).toBe('./');
  });

  it('has the colours of the theme, as the page has in both schemes', () => {
    const [light, dark] = valuesOf('color-surface');
    expect(manifest.theme_color).toBe(light);
    expect(manifest.background_color).toBe(valuesOf('color-page')[0]);
    const told = Array.from(page.matchAll(/theme-color" media="[^"]*" content="(#\w+)"/g));
    expect(told.map(([, color]) => color)).toEqual([light, dark]);
  });
});
