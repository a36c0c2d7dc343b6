/**
 * Frames of the live feed. The interface document describes HTTP only, so these types are written by hand after the
 * contract.
 *
 * Invariant: what is given out has the shape it says; anything else that arrives is no frame.
 */
import type { components } from '$lib/api/schema';

import { positionOf } from './positions';

export type Availability = components['schemas']['AvailabilityDto'];
export type AreaAvailability = components['schemas']['AreaAvailability'];

export type SnapshotFrame = Availability & { type: 'snapshot' };

export interface DeltaFrame {
  type: 'delta';
  /** The position it continues from, `epoch:offset`. */
  from: string;
  /** The position it leads to. */
  to: string;
  held?: number[];
  sold?: number[];
  available?: number[];
  blocked?: number[];
  areas?: AreaAvailability[];
}

export interface PresenceFrame {
  type: 'presence';
  viewers: number;
}

export type Frame = SnapshotFrame | DeltaFrame | PresenceFrame;

type Raw = Record<string, unknown>;

const isRaw = (value: unknown): value is Raw => typeof value === 'object' && value !== null;
const isPosition = (value: unknown): value is string =>
  typeof value === 'string' && positionOf(value) !== undefined;
const isIds = (value: unknown): boolean =>
  value === undefined || (Array.isArray(value) && value.every((id) => Number.isSafeInteger(id)));
const isAreas = (value: unknown): boolean =>
  value === undefined ||
  (Array.isArray(value) &&
    value.every(
      (area) =>
        isRaw(area) && Number.isSafeInteger(area['id']) && Number.isSafeInteger(area['available']),
    ));

/** The frame in a message; nothing if it is none, or of a kind that came later than these pages. */
export function frameOf(message: unknown): Frame | undefined {
  let raw: unknown;
  try {
    raw = JSON.parse(String(message));
  } catch {
    return undefined;
  }
  if (!isRaw(raw)) return undefined;
  switch (raw['type']) {
    case 'snapshot':
      return isPosition(raw['position']) &&
        typeof raw['states'] === 'string' &&
        Number.isSafeInteger(raw['seat_count']) &&
        raw['areas'] !== undefined &&
        isAreas(raw['areas'])
        ? (raw as unknown as SnapshotFrame)
        : undefined;
    case 'delta':
      return isPosition(raw['from']) &&
        isPosition(raw['to']) &&
        ['held', 'sold', 'available', 'blocked'].every((state) => isIds(raw[state])) &&
        isAreas(raw['areas'])
        ? (raw as unknown as DeltaFrame)
        : undefined;
    case 'presence':
      return Number.isSafeInteger(raw['viewers']) ? (raw as unknown as PresenceFrame) : undefined;
    default:
      return undefined;
  }
}
