import { createHash, createHmac } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { check } from './receipts';

const hash = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

const EVENT = '01890000-0000-7000-8000-0000000000aa';
const secret = hash(Buffer.from('secret'));
const pseudonym = (place: number) => hash(Buffer.from('buyer'), u32(place)).subarray(0, 16);
const leafOf = (place: number) => hash(Buffer.of(0), u32(place), pseudonym(place));

/** The tree by its definition in RFC 6962, and the path to one leaf. */
function top(leaves: Buffer[], at: number | undefined, path: Buffer[]): Buffer {
  const [only] = leaves;
  if (leaves.length === 1 && only) return only;
  const split = 2 ** Math.floor(Math.log2(leaves.length - 1));
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  const isLeft = at !== undefined && at < split;
  const isRight = at !== undefined && at >= split;
  const [one, other] = [
    top(left, isLeft ? at : undefined, path),
    top(right, isRight ? at - split : undefined, path),
  ];
  if (isLeft) path.push(other);
  if (isRight) path.push(one);
  return hash(Buffer.of(1), one, other);
}

/** The order by its description, from place to rank. */
function ranks(count: number, root: Buffer): number[] {
  const event = Buffer.from(EVENT.replaceAll('-', ''), 'hex');
  const key = hash(Buffer.from('onsale draw v1'), event, secret, root, u32(count));
  let half = 1;
  while (4 ** half < count) half += 1;
  const permute = (x: number): number => {
    let [left, right] = [Math.floor(x / 2 ** half), x % 2 ** half];
    for (let round = 0; round < 8; round += 1) {
      const mac = createHmac('sha256', key).update(Buffer.of(round)).update(u32(right)).digest();
      [left, right] = [right, (left ^ (mac.readUInt32BE() % 2 ** half)) >>> 0];
    }
    return left * 2 ** half + right;
  };
  return Array.from({ length: count }, (_, place) => {
    let at = permute(place);
    while (at >= count) at = permute(at);
    return at;
  });
}

function receipt(count: number, place: number) {
  const path: Buffer[] = [];
  const leaves = Array.from({ length: count }, (_, at) => leafOf(at));
  const root = top(leaves, place, path);
  const rank = count === 1 ? 0 : (ranks(count, root)[place] ?? 0);
  return {
    version: 1,
    event_id: EVENT,
    commitment: hash(secret).toString('hex'),
    lobby_count: count,
    root: root.toString('hex'),
    secret: secret.toString('hex'),
    receipt: {
      place,
      pseudonym: pseudonym(place).toString('hex'),
      path: path.map((node) => node.toString('hex')),
      position: rank + 1,
    },
  };
}

describe('a receipt', () => {
  it('is right for every place of lobbies of many sizes, each position once', () => {
    for (const count of [1, 2, 3, 4, 5, 7, 8, 9, 17]) {
      const positions = Array.from({ length: count }, (_, place) => {
        const verdict = check(receipt(count, place));
        expect(verdict, `${place} of ${count}`).toMatchObject({ place });
        return 'position' in verdict ? verdict.position : 0;
      });
      expect(positions.toSorted((a, b) => a - b)).toEqual(positions.map((_, at) => at + 1));
    }
  });

  it('is wrong when anything in it was changed', () => {
    const good = receipt(9, 4);
    const other = '00'.repeat(32);
    const entry = good.receipt;
    const changed = [
      [{ ...good, commitment: other }, 'commitment'],
      [{ ...good, secret: other }, 'commitment'],
      [{ ...good, root: other }, 'path'],
      [{ ...good, lobby_count: 4 }, 'path'],
      [{ ...good, receipt: { ...entry, place: 5 } }, 'path'],
      [{ ...good, receipt: { ...entry, pseudonym: '00'.repeat(16) } }, 'path'],
      [{ ...good, receipt: { ...entry, path: entry.path.slice(1) } }, 'path'],
      [{ ...good, receipt: { ...entry, path: [...entry.path, other] } }, 'path'],
      [{ ...good, receipt: { ...entry, position: entry.position + 1 } }, 'position'],
      [{ ...good, event_id: EVENT.replace('aa', 'ab') }, 'position'],
    ] as const;
    for (const [document, flaw] of changed) expect(check(document)).toEqual({ flaw });
  });

  it('is read with care', () => {
    const good = receipt(2, 0);
    const rubbish = [
      undefined,
      null,
      'x',
      {},
      { ...good, version: 2 },
      { ...good, receipt: null },
      { ...good, root: 'zz' },
      { ...good, lobby_count: -1 },
      { ...good, receipt: { ...good.receipt, path: 'no' } },
      { ...good, receipt: { ...good.receipt, path: [1] } },
    ];
    for (const document of rubbish) expect(check(document)).toEqual({ flaw: 'form' });
  });
});
