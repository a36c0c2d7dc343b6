/**
 * The states of a performance's seats and areas, at one position of its history.
 *
 * Invariants: the states are those of `position` at any time; a delta that does not continue from it changes nothing;
 * the counts always add up to the number of seats.
 */
import { SvelteMap } from 'svelte/reactivity';

import type { Availability, DeltaFrame } from '$lib/live/frames';

import { type SeatStatus, statuses } from './model';
import { BLOCKED, unpack } from './packed';

export type Counts = Record<SeatStatus, number>;

export class SeatStates {
  position: string | null = null;
  #version = $state(0);
  #codes: Uint8Array;
  #counts: number[];
  readonly #areas = new SvelteMap<number, number>();

  /** Until the first snapshot nothing can be had. */
  constructor(seatCount: number) {
    this.#codes = new Uint8Array(seatCount + 1).fill(BLOCKED);
    this.#counts = this.#counted();
  }

  /** Grows with every change; reading it follows them all. */
  get version(): number {
    return this.#version;
  }

  /** The codes of all seats at their ids, as `statuses` numbers them. Only to be read. */
  get codes(): Readonly<Uint8Array> {
    void this.#version;
    return this.#codes;
  }

  get counts(): Counts {
    void this.#version;
    const [available = 0, held = 0, sold = 0, blocked = 0] = this.#counts;
    return { available, held, sold, blocked };
  }

  snapshot(availability: Availability): void {
    const seatCount = this.#codes.length - 1;
    const codes = unpack(availability.states, availability.seat_count, seatCount);
    if (!codes) return;
    this.#codes = codes;
    this.#counts = this.#counted();
    this.#areas.clear();
    this.#setAreas(availability.areas);
    this.position = availability.position;
    this.#version++;
  }

  /** False if it does not continue from our position; nothing is applied then. */
  delta(frame: DeltaFrame): boolean {
    if (frame.from !== this.position) return false;
    for (const [code, status] of statuses.entries()) {
      for (const id of frame[status] ?? []) this.#set(id, code);
    }
    this.#setAreas(frame.areas ?? []);
    this.position = frame.to;
    this.#version++;
    return true;
  }

  status(id: number): SeatStatus {
    void this.#version;
    return statuses[this.#codes[id] ?? BLOCKED] ?? 'blocked';
  }

  areaAvailable(id: number): number | undefined {
    return this.#areas.get(id);
  }

  #set(id: number, code: number): void {
    const before = this.#codes[id];
    if (id < 1 || before === undefined || before === code) return;
    this.#codes[id] = code;
    this.#counts[before] = (this.#counts[before] ?? 0) - 1;
    this.#counts[code] = (this.#counts[code] ?? 0) + 1;
  }

  #setAreas(areas: readonly { id: number; available: number }[]): void {
    for (const { id, available } of areas) this.#areas.set(id, available);
  }

  #counted(): number[] {
    const counts = [0, 0, 0, 0];
    for (let id = 1; id < this.#codes.length; id++) {
      const code = this.#codes[id] ?? BLOCKED;
      counts[code] = (counts[code] ?? 0) + 1;
    }
    return counts;
  }
}
