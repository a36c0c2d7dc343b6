/**
 * Where to go after logging in.
 *
 * Invariant: it is a page of these pages, whatever the address says.
 */
export function afterLogIn(querystring: string | undefined): string {
  const next = new URLSearchParams(querystring ?? '').get('next') ?? '/';
  return /^\/(?!\/)[\w/-]*(\?[\w=&-]*)?$/.test(next) ? next : '/';
}
