import { createHash, createHmac } from 'node:crypto';

import { expect, it } from 'vitest';

import { hex, hmac, sha256, unhex } from './sha256';

const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 31 + 7) & 0xff);

it('hashes as others do, around every edge of a block', () => {
  for (const length of [0, 1, 3, 54, 55, 56, 57, 63, 64, 65, 70, 119, 120, 128, 1000]) {
    const message = bytes(length);
    expect(hex(sha256(message)), `${length} bytes`).toBe(
      createHash('sha256').update(message).digest('hex'),
    );
  }
});

it('authenticates as others do', () => {
  for (const [key, length] of [
    [32, 5],
    [64, 100],
    [0, 0],
  ] as const) {
    const expected = createHmac('sha256', bytes(key)).update(bytes(length)).digest('hex');
    expect(hex(hmac(bytes(key), bytes(length)))).toBe(expected);
  }
  expect(() => hmac(bytes(65), bytes(1))).toThrow(RangeError);
});

it('reads hex, and nothing else', () => {
  expect(unhex('00ffA1')).toEqual(Uint8Array.of(0, 255, 161));
  expect(unhex('')).toEqual(new Uint8Array());
  for (const wrong of ['0', 'zz', '0x00', '00 0']) expect(unhex(wrong)).toBeUndefined();
});
