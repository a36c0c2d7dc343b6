/** What seats are called. */

/** A seat in words: with its section where there is one. */
export function inWords(seat: { label: string; section?: string | null | undefined }): string {
  return [seat.section, seat.label].filter(Boolean).join(' ');
}
