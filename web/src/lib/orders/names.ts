/** Who an order is for. Orders whose buyer was erased have an empty name, and no others have. */
import { t } from '$lib/messages/language.svelte';

export function nameOf(buyer: string): string {
  return buyer || t().order.erased;
}
