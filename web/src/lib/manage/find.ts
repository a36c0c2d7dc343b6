/**
 * What orders are looked for, as it stands in the address of the page, so that the way back leads to the same list.
 */
export interface Search {
  event: string;
  query: string;
  status: string;
}

const NAMES = ['event', 'query', 'status'] as const;

export function searchIn(querystring: string | undefined): Search {
  const parts = new URLSearchParams(querystring ?? '');
  const [event, query, status] = NAMES.map((name) => parts.get(name) ?? '');
  return { event: event ?? '', query: query ?? '', status: status ?? '' };
}

/** The address of the list with these, or of an order that was found with them; what is empty is left out. */
export function addressOf(search: Search, order?: string): string {
  const parts = new URLSearchParams();
  for (const name of NAMES) if (search[name]) parts.set(name, search[name]);
  const text = parts.toString();
  return `#/manage/orders${order ? `/${order}` : ''}${text && `?${text}`}`;
}
