/**
 * One value kept in this browser.
 *
 * Invariant: what is read has passed the check, or is nothing; where the browser refuses storage, the value lasts as
 * long as the page.
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
  let unstored: T | undefined;
  return {
    read() {
      if (unstored !== undefined) return unstored;
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
        unstored = undefined;
      } catch {
        unstored = value;
      }
    },
    forget() {
      unstored = undefined;
      try {
        storage().removeItem(key);
      } catch {
        // Nothing is stored where storage is refused.
      }
    },
  };
}
