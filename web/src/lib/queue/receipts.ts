/**
 * Checks a receipt of a draw: the same computation as `onsale verify draw`, written after the public description.
 *
 * Invariant: nothing is believed but what is computed here from the receipt itself.
 */
import { hex, hmac, joined, sha256, u32, unhex } from '$lib/crypto/sha256';

export type Flaw = 'form' | 'commitment' | 'path' | 'position';
export type Verdict = { place: number; position: number } | { flaw: Flaw };

type Bytes = Uint8Array<ArrayBuffer>;

interface Receipt {
  event: Bytes;
  commitment: Bytes;
  count: number;
  root: Bytes;
  secret: Bytes;
  place: number;
  pseudonym: Bytes;
  path: Bytes[];
  position: number;
}

const ROUNDS = 8;
const VERSION = 1;
const text = (value: string) => new TextEncoder().encode(value);

export function check(document: unknown): Verdict {
  const receipt = receiptOf(document);
  if (!receipt) return { flaw: 'form' };
  const { commitment, secret, place } = receipt;
  if (!isSame(sha256(secret), commitment)) return { flaw: 'commitment' };
  if (!isIncluded(receipt)) return { flaw: 'path' };
  const position = rank(drawKey(receipt), receipt.count, place) + 1;
  return position === receipt.position ? { place, position } : { flaw: 'position' };
}

/** Follows the path from the entry to the root, as RFC 9162, 2.1.3.2, does. */
function isIncluded({ place, pseudonym, path, count, root }: Receipt): boolean {
  if (place >= count) return false;
  let node = sha256(joined(Uint8Array.of(0), u32(place), pseudonym));
  let [at, last] = [place, count - 1];
  for (const other of path) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      node = inner(other, node);
      // Where a level has no right neighbour, the node goes up as it is.
      while (at % 2 === 0 && at !== 0) [at, last] = [at >>> 1, last >>> 1];
    } else {
      node = inner(node, other);
    }
    [at, last] = [at >>> 1, last >>> 1];
  }
  return last === 0 && isSame(node, root);
}

function inner(left: Bytes, right: Bytes): Bytes {
  return sha256(joined(Uint8Array.of(1), left, right));
}

function drawKey({ event, secret, root, count }: Receipt): Bytes {
  return sha256(joined(text('onsale draw v1'), event, secret, root, u32(count)));
}

/** Where a place of a lobby of so many stands, from 0. */
function rank(key: Bytes, count: number, place: number): number {
  if (count === 1) return place;
  const half = Math.max(1, Math.ceil((32 - Math.clz32(count - 1)) / 2));
  const mask = 2 ** half - 1;
  const permuted = (x: number) => {
    let [left, right] = [x >>> half, x & mask];
    for (let round = 0; round < ROUNDS; round += 1) {
      const mac = hmac(key, joined(Uint8Array.of(round), u32(right)));
      const value = new DataView(mac.buffer).getUint32(0) & mask;
      [left, right] = [right, left ^ value];
    }
    return ((left << half) | right) >>> 0;
  };
  let at = permuted(place);
  while (at >= count) at = permuted(at);
  return at;
}

function isSame(one: Bytes, other: Bytes): boolean {
  return hex(one) === hex(other);
}

function receiptOf(document: unknown): Receipt | undefined {
  const draw = fields(document);
  const entry = fields(draw['receipt']);
  const bytes = (value: unknown, length: number) => {
    const found = typeof value === 'string' ? unhex(value) : undefined;
    return found?.length === length ? found : undefined;
  };
  const whole = (value: unknown) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32
      ? (value as number)
      : undefined;
  const id = draw['event_id'];
  const event = bytes(typeof id === 'string' ? id.replaceAll('-', '') : id, 16);
  const commitment = bytes(draw['commitment'], 32);
  const [root, secret] = [bytes(draw['root'], 32), bytes(draw['secret'], 32)];
  const pseudonym = bytes(entry['pseudonym'], 16);
  const count = whole(draw['lobby_count']);
  const [place, position] = [whole(entry['place']), whole(entry['position'])];
  const given: unknown = entry['path'];
  const path = Array.isArray(given) ? given.map((node) => bytes(node, 32)) : [undefined];
  if (draw['version'] !== VERSION || !event || !commitment || !root || !secret || !pseudonym)
    return undefined;
  if (count === undefined || place === undefined || position === undefined) return undefined;
  if (!path.every((node) => node !== undefined)) return undefined;
  return { event, commitment, count, root, secret, place, pseudonym, path, position };
}

function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
