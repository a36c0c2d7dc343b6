/** A span of time in words: `2 minutes`, `30 seconds`, `1 minute 30 seconds`. */
import { t } from '$lib/messages/language.svelte';

export function spoken(seconds: number): string {
  const { minutes, seconds: inSeconds } = t().selection;
  const [whole, rest] = [Math.floor(seconds / 60), seconds % 60];
  if (whole === 0) return inSeconds(rest);
  return rest === 0 ? minutes(whole) : `${minutes(whole)} ${inSeconds(rest)}`;
}
