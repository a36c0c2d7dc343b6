/** What is wrong with a draft, in words. */
import type { Flaw } from './counts';
import { w } from './words';

export function flawText(flaw: Flaw): string {
  const texts = w().flaws;
  switch (flaw.kind) {
    case 'overlap': {
      const [one, other] = flaw.names.map((name) =>
        name ? w().editor.block(name) : w().editor.blockUnnamed,
      ) as [string, string];
      return texts.overlap(one, other);
    }
    case 'categoryTwice':
    case 'blockLong':
    case 'blockTwice':
      return texts[flaw.kind](flaw.name);
    default:
      return texts[flaw.kind];
  }
}
