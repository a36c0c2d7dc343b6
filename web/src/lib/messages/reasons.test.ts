import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { reasons as en } from './en/reasons';
import { reasons as ko } from './ko/reasons';

/** The codes as the server documents them: a table in the description of its interface. */
function codesOfServer(): string[] {
  const document = JSON.parse(readFileSync('openapi.json', 'utf8')) as {
    info: { description: string };
  };
  const rows = document.info.description.matchAll(/^\| `(\w+)` \| \d{3} \|/gm);
  return Array.from(rows, ([, code]) => code ?? '');
}

/** What goes wrong before a server is asked. */
const codesOfPages = ['network', 'card_form_unavailable', 'card_incomplete'];

describe.each([
  ['English', en],
  ['Korean', ko],
])('reasons in %s', (_, reasons) => {
  it('have a text for every code of the server', () => {
    const codes = codesOfServer();
    expect(codes.length).toBeGreaterThan(30);
    expect(codes.filter((code) => !Object.hasOwn(reasons, code))).toEqual([]);
  });

  it('have no text for a code that neither the server nor these pages know', () => {
    const known = new Set([...codesOfServer(), ...codesOfPages]);
    expect(Object.keys(reasons).filter((code) => !known.has(code))).toEqual([]);
  });

  it('say all three things', () => {
    for (const [code, { happened, safe, todo }] of Object.entries(reasons)) {
      expect(
        [happened, safe, todo].every((text) => text.length > 0),
        code,
      ).toBe(true);
    }
  });
});
