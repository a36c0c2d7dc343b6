/** What a buyer has typed, kept for this tab, so that a reload or a second purchase does not ask again. */
import { remembered } from '$lib/storage/remembered';

export interface BuyerDetails {
  name: string;
  email: string;
  phone: string;
}

function isDetails(value: unknown): value is BuyerDetails {
  if (typeof value !== 'object' || value === null) return false;
  const { name, email, phone } = value as Record<string, unknown>;
  return [name, email, phone].every((text) => typeof text === 'string');
}

export const buyerDetails = remembered('onsale.buyer', isDetails, () => sessionStorage);
