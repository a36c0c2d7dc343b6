/**
 * Times as an input of the browser has them: in the viewer's zone, without saying so.
 *
 * Invariant: what comes from the server and goes back unchanged is the same minute; nothing that is no time is sent.
 */
const two = (part: number) => String(part).padStart(2, '0');

/** `2026-12-24T20:00` for an RFC 3339 time; seconds only where it has some. */
export function toLocal(at: string | null | undefined): string {
  const moment = new Date(at ?? '');
  if (Number.isNaN(moment.getTime())) return '';
  const year = String(moment.getFullYear()).padStart(4, '0');
  const day = `${year}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
  const seconds = moment.getSeconds() === 0 ? '' : `:${two(moment.getSeconds())}`;
  return `${day}T${two(moment.getHours())}:${two(moment.getMinutes())}${seconds}`;
}

/** RFC 3339 in UTC; nothing if it is no time. */
export function toUtc(local: string): string | undefined {
  // A date alone would be read as UTC.
  if (!/^\d{4,}-\d\d-\d\dT\d\d:\d\d/.test(local)) return undefined;
  const moment = new Date(local);
  return Number.isNaN(moment.getTime()) ? undefined : moment.toISOString();
}
