/**
 * Light or dark: what the visitor chose, else what their system says.
 *
 * Invariant: `data-theme` on the root element is always `light` or `dark`, and changes exactly when `theme.shown` does;
 * the canvas of the seat map redraws on it.
 */
import { remembered } from '$lib/storage/remembered';

export type Choice = 'system' | 'light' | 'dark';

const choices: readonly Choice[] = ['system', 'light', 'dark'];
const stored = remembered<Choice>('onsale.theme', (value): value is Choice =>
  choices.includes(value as Choice),
);

class Theme {
  choice = $state<Choice>(stored.read() ?? 'system');
  #systemDark = $state(false);
  readonly shown = $derived(
    this.choice === 'system' ? (this.#systemDark ? 'dark' : 'light') : this.choice,
  );

  constructor() {
    const query = matchMedia('(prefers-color-scheme: dark)');
    this.#systemDark = query.matches;
    query.addEventListener('change', (event) => {
      this.#systemDark = event.matches;
      this.#apply();
    });
    this.#apply();
  }

  choose(choice: Choice): void {
    this.choice = choice;
    stored.write(choice);
    this.#apply();
  }

  #apply(): void {
    const root = document.documentElement;
    root.dataset['theme'] = this.shown;
    // Around the page, too, whatever the system would have.
    const color = getComputedStyle(root).getPropertyValue('--color-surface').trim();
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) {
      if (color) meta.setAttribute('content', color);
    }
  }
}

export const theme = new Theme();
