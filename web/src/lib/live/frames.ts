/**
 * Frames of the live feed. The interface document describes HTTP only, so these types are written by hand after the
 * contract, and everything that arrives is checked before it is believed.
 */
import type { components } from '$lib/api/schema';

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
