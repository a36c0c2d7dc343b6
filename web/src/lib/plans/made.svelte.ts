/** What one page of plans hands to the next. */
import type { Draft } from './draft';
import type { SeatingPlan } from './plans';

class JustMade {
  /** The plan that was made last, for the list to point at. */
  plan = $state.raw<SeatingPlan>();
}
export const justMade = new JustMade();

/** A draft out of a file, for the editor to open. */
export const handedOver: { draft: Draft | undefined } = { draft: undefined };
