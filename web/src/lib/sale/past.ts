/**
 * What did not add up for a while: not to be missed by somebody who looked elsewhere just then.
 *
 * Invariant: a drift is either there or past, with the most that it was; the latest are kept, a bounded number.
 */
import type { Drift } from './stock';

export interface PastDrift {
  drift: Drift;
  from: string;
  to: string;
}

export interface Memory {
  /** Those that are there now, with when they began. */
  open: readonly PastDrift[];
  past: readonly PastDrift[];
}

const REMEMBERED = 20;

const isSame = (a: Drift, b: Drift) => a.performance === b.performance && a.section === b.section;
const size = ({ drift }: Drift) => Math.abs(drift);

/** The memory after figures of the moment `at` in which `drifts` are what does not add up. */
export function remember({ open, past }: Memory, drifts: readonly Drift[], at: string): Memory {
  const now = drifts.map((drift): PastDrift => {
    const known = open.find((each) => isSame(each.drift, drift));
    const most = known && size(known.drift) > size(drift) ? known.drift : drift;
    return { drift: most, from: known?.from ?? at, to: at };
  });
  const gone = open
    .filter((each) => !drifts.some((drift) => isSame(each.drift, drift)))
    .map((each) => ({ ...each, to: at }));
  return { open: now, past: gone.length > 0 ? [...gone, ...past].slice(0, REMEMBERED) : past };
}
