import { expect, it } from 'vitest';

import { Attempts, newKey } from './attempts';

it('keeps the key of a wish until its outcome is known', () => {
  const attempts = new Attempts();
  const key = attempts.keyFor({ seat_ids: [1, 2] });
  expect(attempts.keyFor({ seat_ids: [1, 2] })).toBe(key);
  attempts.decided();
  expect(attempts.keyFor({ seat_ids: [1, 2] })).not.toBe(key);
});

it('gives another wish another key', () => {
  const attempts = new Attempts();
  const key = attempts.keyFor({ seat_ids: [1] });
  expect(attempts.keyFor({ seat_ids: [2] })).not.toBe(key);
});

it('makes keys that the server takes and that do not repeat', () => {
  const keys = new Set(Array.from({ length: 1000 }, newKey));
  expect(keys.size).toBe(1000);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{32}$/);
});
