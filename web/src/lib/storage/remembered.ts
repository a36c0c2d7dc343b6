/**
 * One value kept in this browser.
 *
 * Invariant: what is read has passed the check, or is nothing; a browser that refuses storage behaves like an empty one.
 */
export interface Remembered<T> {
  read(): T | undefined;
  write(value: T): void;
  forget(): void;
}

export function remembered<T>(
  key: string,
  accepts: (value: unknown) => value is T,
  storage: () => Storage = () => localStorage,
): Remembered<T> {
  return {
    read() {
      try {
        const value: unknown = JSON.parse(storage().getItem(key) ?? 'null');
        return accepts(value) ? value : undefined;
      } catch {
        return undefined;
      }
    },
    write(value) {
      try {
        storage().setItem(key, JSON.stringify(value));
      } catch {
        // Private windows and full disks: the page works, it only forgets.
      }
    },
    forget() {
      try {
        storage().removeItem(key);
      } catch {
        // As above.
      }
    },
  };
}
