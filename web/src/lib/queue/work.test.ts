import { createHash } from 'node:crypto';

import { expect, it } from 'vitest';

import { Search } from './work';

/** The rule of the server, from its bytes. */
function zeroBits(challenge: Uint8Array, proof: string): number {
  const hash = createHash('sha256')
    .update('onsale work v1')
    .update(challenge)
    .update(Buffer.from(proof, 'hex'))
    .digest('hex');
  return hash.length * 4 - BigInt(`0x${hash}`).toString(2).length;
}

it('finds the first number that will do', () => {
  // 48 bytes are what the server sends; the others put the number across the edge of a block and elsewhere.
  for (const length of [48, 0, 40, 44, 49, 60]) {
    const challenge = Uint8Array.from({ length }, (_, at) => at * 5 + 1);
    const proof = new Search({ challenge, bits: 9 }).go(100_000) ?? '';
    expect(proof).toMatch(/^[0-9a-f]{16}$/);
    expect(zeroBits(challenge, proof)).toBeGreaterThanOrEqual(9);
    for (let number = 0; number < Number.parseInt(proof, 16); number += 1) {
      expect(zeroBits(challenge, number.toString(16).padStart(16, '0'))).toBeLessThan(9);
    }
  }
});

it('goes on where it stopped', () => {
  const challenge = new Uint8Array(48);
  const whole = new Search({ challenge, bits: 8 }).go(100_000);
  const parts = new Search({ challenge, bits: 8 });
  let proof: string | undefined;
  while (proof === undefined) proof = parts.go(7);
  expect(proof).toBe(whole);
  expect(parts.tried).toBe(Number.parseInt(proof, 16) + 1);
});

it('refuses what cannot be done', () => {
  expect(() => new Search({ challenge: new Uint8Array(48), bits: 33 })).toThrow(RangeError);
});
