/** Keeps the screen from going dark while it is looked at, where the browser can; to be given to `onMount`. */
export function awake(): () => void {
  let lock: { release(): Promise<void> } | undefined;
  let isOver = false;
  const take = () => {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    // Refused on a low battery; then the screen goes dark, which the figures do not suffer from.
    navigator.wakeLock.request('screen').then(
      (given) => {
        if (isOver) void given.release();
        else lock = given;
      },
      () => undefined,
    );
  };
  take();
  // The browser takes it back when the tab is hidden.
  document.addEventListener('visibilitychange', take);
  return () => {
    isOver = true;
    document.removeEventListener('visibilitychange', take);
    void lock?.release();
  };
}
