/**
 * Where the focus goes when the page changes under the visitor.
 *
 * Invariant: after a change of route the heading of the new page has the focus, once; on the first page nothing is moved.
 */
let pending = false;

export function routeChanged(): void {
  pending = true;
}

/** The heading of a page, as it appears. */
export function heading(element: HTMLElement): void {
  if (!pending) return;
  pending = false;
  element.focus({ preventScroll: true });
  scrollTo(0, 0);
}
