/** Does the work for joining beside the page: takes one `Work`, tells how far it is, and ends with the proof. */
import { Search, type Work } from './work';

export type Told = { tried: number } | { proof: string };

/** Some tens of milliseconds. */
const TRIES_AT_ONCE = 30_000;

addEventListener(
  'message',
  ({ data }: MessageEvent<Work>) => {
    const search = new Search(data);
    for (;;) {
      const proof = search.go(TRIES_AT_ONCE);
      postMessage((proof === undefined ? { tried: search.tried } : { proof }) satisfies Told);
      if (proof !== undefined) return;
    }
  },
  { once: true },
);
