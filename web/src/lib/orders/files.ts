/** Tickets to take along: codes as pictures, and paper. The server draws them; only the buyer gets them. */
import { given, own } from '$lib/api/client';
import { language } from '$lib/messages/language.svelte';

/** The QR code of a ticket, as the address of a picture that can be shown. */
export async function qrCode(code: string, signal: AbortSignal): Promise<string> {
  const params = { path: { code } };
  const svg = await given(
    own.GET('/api/v1/tickets/{code}/qr.svg', { params, signal, parseAs: 'text' }),
  );
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** Saves the QR code of a ticket as a picture. */
export async function savePicture(code: string): Promise<void> {
  const params = { path: { code } };
  const png = await given(own.GET('/api/v1/tickets/{code}/qr.png', { params, parseAs: 'blob' }));
  save(png, `ticket-${code.slice(0, 4)}.png`);
}

/** Saves all tickets of an order as a PDF, in the language and the time zone of the page. */
export async function savePaper(order: string): Promise<void> {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const params = { path: { order_id: order }, query: { lang: language.locale, tz: timeZone } };
  const pdf = await given(
    own.GET('/api/v1/orders/{order_id}/tickets.pdf', { params, parseAs: 'blob' }),
  );
  save(pdf, `tickets-${order}.pdf`);
}

/** Gives somebody a file. */
export function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has the file by then, or has failed.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
