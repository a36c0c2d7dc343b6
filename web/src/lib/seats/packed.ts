/**
 * The packed states of all seats: base64, two bits a seat, seat 1 in the lowest bits of the first byte.
 *
 * Invariant: a seat that the text does not reach is blocked: what is not told to be free is not offered.
 */
import { type SeatStatus, statuses } from './model';

export const BLOCKED = statuses.indexOf('blocked' satisfies SeatStatus);

/** The code of each seat, at its id; nothing if the text is not base64. */
export function unpack(text: string, told: number, count: number): Uint8Array | undefined {
  let bytes: string;
  try {
    bytes = atob(text);
  } catch {
    return undefined;
  }
  const codes = new Uint8Array(count + 1).fill(BLOCKED);
  const reach = Math.min(told, count, bytes.length * 4);
  for (let index = 0; index < reach; index++) {
    codes[index + 1] = (bytes.charCodeAt(index >> 2) >> ((index & 3) * 2)) & 3;
  }
  return codes;
}
