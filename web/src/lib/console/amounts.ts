/**
 * Amounts as people type them, and as the interface has them: in minor units.
 *
 * Invariant: never a guess. What could be two amounts is one of them only by the rule written here, and what is none is
 * refused.
 */
import { decimalsOf } from '$lib/messages/format';

/** In minor units, as the server accepts it. */
export const MOST = 10_000_000_000;

/** Minor units of what was typed; nothing if it is no amount of that currency. Groups of three may be set apart. */
export function minorUnits(text: string, currency: string): number | undefined {
  const plain = text.trim().replace(/[\s'’]/g, '');
  const decimals = decimalsOf(currency);
  const [, whole, mark, rest] = /^([\d.,]*?)(?:([.,])(\d+))?$/.exec(plain) ?? [];
  if (whole === undefined || !/\d/.test(plain)) return undefined;
  const last = rest ?? '';
  // Three digits after a comma are thousands, in a currency of three decimals as well.
  const isDecimal =
    last.length > 0 && last.length <= decimals && !(mark === ',' && last.length === 3);
  const units = isDecimal ? whole : whole + (mark ?? '') + last;
  const digits = ungrouped(units);
  if (digits === undefined) return undefined;
  return Number(digits) * 10 ** decimals + (isDecimal ? Number(last.padEnd(decimals, '0')) : 0);
}

/** Without the marks between groups of three; nothing if they are elsewhere, or two kinds of them. */
function ungrouped(text: string): string | undefined {
  if (/^\d*$/.test(text)) return text || '0';
  const isGrouped = /^\d{1,3}(?:,\d{3})+$/.test(text) || /^\d{1,3}(?:\.\d{3})+$/.test(text);
  return isGrouped ? text.replace(/[.,]/g, '') : undefined;
}

/** An amount as one would type it. */
export function typed(amount: number, currency: string): string {
  const decimals = decimalsOf(currency);
  return (amount / 10 ** decimals).toFixed(decimals);
}
