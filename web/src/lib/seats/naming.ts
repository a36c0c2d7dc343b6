/** What a seat is called, and why it cannot be had. */
import { money } from '$lib/messages/format';
import { t } from '$lib/messages/language.svelte';

import type { Look } from './looks';
import type { Seat } from './model';

/** With its section, where it has one. */
export function describe(seat: Seat): string {
  return [seat.section, seat.label].filter(Boolean).join(' ');
}

/** All that one sees of it on the map, for those who hear it; the label comes first. */
export function spokenName(seat: Seat, look: Look): string {
  const row = seat.row ? t().seats.row(seat.row) : '';
  const kept = seat.space ? t().seats.spaces[seat.space] : '';
  const parts = [seat.label, kept, seat.section, row, seat.category, money(seat.price)];
  return [...parts, t().seats.states[look]].filter(Boolean).join(', ');
}

/** Why nothing happens when one asks for it. */
export function reason(look: Look): string {
  return t().seats.reasons[look];
}
