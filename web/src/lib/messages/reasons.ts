/** Words for a reason code; a code that came later than these pages reads as an unknown fault. */
import type { Reason } from './en/reasons';
import { t } from './language.svelte';

export function reasonOf(code: string): Reason {
  const { reasons } = t();
  return Object.hasOwn(reasons, code) ? reasons[code as keyof typeof reasons] : reasons.internal;
}
