/**
 * Tells when somebody has gone on to another field of a form, as an action of the form.
 *
 * Invariant: nothing is told while a button of the mouse is down: what is said at a field moves what is below, and the
 * click would miss what it was meant for.
 */
export function left(form: HTMLElement, tell: (id: string) => void): { destroy(): void } {
  const away = new AbortController();
  const caught = { capture: true, signal: away.signal };
  let isDown = false;
  let waiting: string[] = [];
  addEventListener('pointerdown', () => (isDown = true), caught);
  for (const over of ['pointerup', 'pointercancel']) {
    addEventListener(
      over,
      () => {
        isDown = false;
        // The click comes after this, and may have sent the form.
        setTimeout(() => {
          const ids = waiting;
          waiting = [];
          if (!away.signal.aborted) for (const id of ids) tell(id);
        });
      },
      caught,
    );
  }
  form.addEventListener(
    'focusout',
    (event) => {
      const { id } = event.target as HTMLElement;
      if (isDown) waiting.push(id);
      else tell(id);
    },
    { signal: away.signal },
  );
  return { destroy: () => away.abort() };
}
