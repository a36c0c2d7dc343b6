/**
 * One at a time over all tabs of this browser.
 *
 * Invariant: within a tab never two at once; over tabs too, where the browser has locks (it has them on https and on
 * localhost). Waiting is bounded.
 */
const LONGEST_WAIT_MS = 90_000;
const queues = new Map<string, Promise<unknown>>();

export function exclusively<T>(name: string, work: () => Promise<T>): Promise<T> {
  // Over plain http, where types say it is there, it is not.
  const locks = navigator.locks as LockManager | undefined;
  if (locks) {
    return locks.request(
      name,
      { signal: AbortSignal.timeout(LONGEST_WAIT_MS) },
      work,
    ) as Promise<T>;
  }
  const turn = (queues.get(name) ?? Promise.resolve()).then(work, work);
  queues.set(
    name,
    turn.catch(() => undefined),
  );
  return turn;
}
