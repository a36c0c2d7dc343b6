/** A place in words. */
import { t } from '$lib/messages/language.svelte';

import type { Place } from './queue';
import { roughly } from './telling';

export function aheadInWords({ ahead }: Place): string {
  return ahead ? t().queue.people(ahead) : t().queue.nobody;
}

export function etaInWords({ eta_s }: Place): string {
  const { etaSoon, etaMinutes, etaHours, etaUnknown } = t().queue;
  if (eta_s === null || eta_s === undefined) return etaUnknown;
  const span = roughly(eta_s);
  switch (span.unit) {
    case 'soon':
      return etaSoon;
    case 'minutes':
      return etaMinutes(span.count);
    case 'hours':
      return etaHours(span.count);
  }
}

/** What somebody is told who cannot see the page. */
export function inWords(place: Place): string {
  const { queue } = t();
  switch (place.status) {
    case 'lobby':
      return queue.lobby;
    case 'waiting':
      return queue.statusLine(aheadInWords(place), etaInWords(place));
    case 'ready':
      return place.at_door ? queue.atDoor : place.missed ? queue.missed : queue.ready;
    case 'inside':
      return queue.inside;
    case 'sold_out':
      return queue.soldOut;
    default:
      return queue.closed;
  }
}
