/**
 * An event as a form has it, and what of it goes to the server.
 *
 * Invariant: only what was changed is sent, so that two who change different things do not undo each other's.
 */
import type { Schemas } from '$lib/api/client';
import { required } from '$lib/forms/fields.svelte';

import { moment, noLonger, span, whole, wholeNumber } from './checks';
import type { DraftRules } from './draft.svelte';
import { toLocal, toUtc } from './moments';
import { w } from './words';

export type Event = Schemas['Event'];
type Settings = Schemas['EventSettings'];
type Room = Schemas['WaitingRoomDto'];

/** Those of the event itself, and limits as the server checks them; spans are in seconds. */
const numbers = {
  hold_ttl_s: { least: 10, most: 3_600, span: true },
  max_seats_per_buyer: { least: 1, most: 50 },
  max_extensions: { least: 0, most: 100 },
} as const;
const roomNumbers = {
  admit_per_second: { least: 1, most: 100_000 },
  max_inside: { least: 1, most: 1_000_000 },
  inside_for_s: { least: 10, most: 86_400, span: true },
  claim_within_s: { least: 5, most: 3_600, span: true },
  proof_of_work_bits: { least: 0, most: 24 },
} as const;
const choices = ['buyer_identity', 'currency'] as const;
const roomChoices = ['mode', 'one_place_per', 'when_unreachable', 'when_sold_out'] as const;

type RoomName = keyof typeof roomNumbers | (typeof roomChoices)[number] | 'opens_at';
export type Name =
  'title' | 'description' | keyof typeof numbers | (typeof choices)[number] | RoomName;
export type Values = Record<Name, string>;

export const limits: Record<
  keyof typeof numbers | keyof typeof roomNumbers,
  { least: number; most: number; span?: boolean }
> = { ...numbers, ...roomNumbers };

/** What the server takes where nothing is told. */
export const defaults: Settings = {
  hold_ttl_s: 300,
  max_seats_per_buyer: 4,
  max_extensions: 1,
  buyer_identity: 'guest',
  currency: 'KRW',
  waiting_room: {
    mode: 'off',
    opens_at: null,
    admit_per_second: 50,
    max_inside: 500,
    inside_for_s: 600,
    claim_within_s: 60,
    one_place_per: 'buyer',
    when_unreachable: 'refuse',
    when_sold_out: 'close',
    proof_of_work_bits: 0,
  },
};

const isOn = (values: Values) => values.mode === 'on';

export function rules(): Record<Name, DraftRules<Name>> {
  const label = {
    title: () => w().event.name,
    description: () => w().event.description,
    currency: () => w().event.currency,
    buyer_identity: () => w().event.who,
    hold_ttl_s: () => w().event.hold,
    max_seats_per_buyer: () => w().event.limit,
    max_extensions: () => w().event.extensions,
    mode: () => w().event.room,
    opens_at: () => w().event.opens,
    admit_per_second: () => w().event.rate,
    max_inside: () => w().event.inside,
    inside_for_s: () => w().event.insideFor,
    claim_within_s: () => w().event.claim,
    one_place_per: () => w().event.per,
    when_unreachable: () => w().event.unreachable,
    when_sold_out: () => w().event.soldOut,
    proof_of_work_bits: () => w().event.proof,
  } satisfies Record<Name, () => string>;
  const checked = (name: keyof typeof limits) => {
    const { least, most, span: isSpan } = limits[name];
    return [required, isSpan ? span(least, most) : whole(least, most)];
  };
  const of = (name: Exclude<Name, RoomName>, checks: DraftRules<Name>['checks'] = []) => ({
    serverName: name === 'title' || name === 'description' ? name : `settings.${name}`,
    label: label[name],
    checks,
  });
  const ofRoom = (name: RoomName, checks: DraftRules<Name>['checks'] = []) => ({
    serverName: `settings.waiting_room.${name}`,
    label: label[name],
    checks,
    shown: isOn,
  });
  return {
    title: of('title', [required, noLonger(200)]),
    description: of('description', [noLonger(10_000)]),
    currency: of('currency'),
    buyer_identity: of('buyer_identity'),
    hold_ttl_s: of('hold_ttl_s', checked('hold_ttl_s')),
    max_seats_per_buyer: of('max_seats_per_buyer', checked('max_seats_per_buyer')),
    max_extensions: of('max_extensions', checked('max_extensions')),
    mode: { ...ofRoom('mode'), shown: () => true },
    opens_at: ofRoom('opens_at', [moment('opens_at')]),
    admit_per_second: ofRoom('admit_per_second', checked('admit_per_second')),
    max_inside: ofRoom('max_inside', checked('max_inside')),
    inside_for_s: ofRoom('inside_for_s', checked('inside_for_s')),
    claim_within_s: ofRoom('claim_within_s', checked('claim_within_s')),
    one_place_per: ofRoom('one_place_per'),
    when_unreachable: ofRoom('when_unreachable'),
    when_sold_out: ofRoom('when_sold_out'),
    proof_of_work_bits: ofRoom('proof_of_work_bits', checked('proof_of_work_bits')),
  };
}

/** An event as the form has it; without one, the defaults. */
export function valuesOf(event?: Event): Values {
  const { waiting_room: room, ...settings } = event?.settings ?? defaults;
  return {
    title: event?.title ?? '',
    description: event?.description ?? '',
    currency: settings.currency,
    buyer_identity: settings.buyer_identity,
    hold_ttl_s: String(settings.hold_ttl_s),
    max_seats_per_buyer: String(settings.max_seats_per_buyer),
    max_extensions: String(settings.max_extensions),
    mode: room.mode,
    opens_at: toLocal(room.opens_at),
    admit_per_second: String(room.admit_per_second),
    max_inside: String(room.max_inside),
    inside_for_s: String(room.inside_for_s),
    claim_within_s: String(room.claim_within_s),
    one_place_per: room.one_place_per,
    when_unreachable: room.when_unreachable,
    when_sold_out: room.when_sold_out,
    proof_of_work_bits: String(room.proof_of_work_bits),
  };
}

export interface EventChanges {
  title?: string;
  description?: string | null;
  settings?: Partial<Omit<Settings, 'waiting_room'>> & { waiting_room?: Partial<Room> };
}

/** What is sent of these names; they have been checked. */
export function changesOf(values: Values, names: readonly Name[]): EventChanges {
  const isNamed = (name: Name) => names.includes(name);
  const some = <Key extends Name>(keys: readonly Key[], read: (key: Key) => unknown) =>
    Object.fromEntries(keys.filter(isNamed).map((key) => [key, read(key)]));
  const text = (name: Name) => values[name];
  const count = (name: Name) => wholeNumber(values[name]) ?? 0;
  const keys = <T extends object>(of: T) => Object.keys(of) as (keyof T)[];
  const room = {
    ...some(roomChoices, text),
    ...some(keys(roomNumbers), count),
    ...some(['opens_at'], () => toUtc(values.opens_at) ?? null),
  };
  const settings = {
    ...some(choices, text),
    ...some(keys(numbers), count),
    ...(Object.keys(room).length > 0 ? { waiting_room: room } : {}),
  };
  return {
    ...some(['title'], () => values.title.trim()),
    ...some(['description'], () => values.description.trim() || null),
    ...(Object.keys(settings).length > 0 ? { settings } : {}),
  };
}
