/**
 * What a door sees: the last scans, and how many have come.
 *
 * Invariants: a code is sent once while its answer is awaited, and a camera that still looks at it does not send it
 * again; so many scans are remembered, and no more.
 */
import { type Problem, asProblem } from '$lib/api/problems';

import { type Attendance, type CheckedIn, attendance, checkIn, undoCheckIn } from './check-ins';

export interface Scan {
  id: number;
  code: string;
  at: number;
  entered?: CheckedIn;
  problem?: Problem;
  undone?: boolean;
}

const REMEMBERED = 10;
/** A camera has not turned away yet. */
const STILL_THERE_MS = 4_000;

/** The calls, so that tests can put others there. */
export interface Door {
  checkIn(code: string, performance: string | undefined): Promise<CheckedIn>;
  undoCheckIn(code: string): Promise<void>;
  attendance(performance: string): Promise<Attendance>;
  now(): number;
}

const realDoor: Door = { checkIn, undoCheckIn, attendance, now: () => Date.now() };

/** A code without what people put between its characters. */
export function plainCode(text: string): string {
  return text.replace(/[\s-]/g, '').toUpperCase();
}

export class Scanning {
  readonly #door: Door;
  #next = 1;
  #seen = { code: '', at: -Infinity };
  scans: Scan[] = $state.raw([]);
  counts: Attendance | undefined = $state.raw();
  busy = $state(false);
  /** Only tickets to this performance let in. */
  only: string | undefined = $state();

  readonly latest = $derived(this.scans[0]);
  /** The performance that is counted: the chosen one, or that of the last who came. */
  readonly counted = $derived(
    this.only ?? this.scans.find((scan) => scan.entered)?.entered?.performance_id,
  );

  constructor(door: Door = realDoor) {
    this.#door = door;
  }

  /** What a camera sees, many times a second. */
  async see(text: string): Promise<void> {
    const code = plainCode(text);
    const now = this.#door.now();
    const still = this.#seen.code === code && now - this.#seen.at < STILL_THERE_MS;
    if (still) this.#seen.at = now;
    if (still || this.busy) return;
    await this.scan(code);
  }

  /** What somebody typed, or a hand scanner. */
  async scan(text: string): Promise<void> {
    const code = plainCode(text);
    if (this.busy || !code) return;
    this.busy = true;
    const scan: Scan = { id: this.#next++, code, at: this.#door.now() };
    try {
      scan.entered = await this.#door.checkIn(code, this.only);
    } catch (error) {
      scan.problem = asProblem(error);
    }
    this.#seen = { code, at: this.#door.now() };
    this.scans = [scan, ...this.scans].slice(0, REMEMBERED);
    this.busy = false;
    await this.count();
  }

  async undo(scan: Scan): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      await this.#door.undoCheckIn(scan.code);
      this.scans = this.scans.map((one) => (one.id === scan.id ? { ...one, undone: true } : one));
      // Whoever takes it back may want to scan it again at once.
      this.#seen = { code: '', at: -Infinity };
    } catch (error) {
      const failed: Scan = {
        id: this.#next++,
        code: scan.code,
        at: this.#door.now(),
        problem: asProblem(error),
      };
      this.scans = [failed, ...this.scans].slice(0, REMEMBERED);
    }
    this.busy = false;
    await this.count();
  }

  async count(): Promise<void> {
    if (!this.counted) return;
    try {
      this.counts = await this.#door.attendance(this.counted);
    } catch {
      // The counts are told along the way; scanning goes on without them.
      this.counts = undefined;
    }
  }
}
