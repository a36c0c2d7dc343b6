/**
 * The work for joining, done in a worker so that the page stays alive.
 *
 * Invariant: the worker ends with the proof, with the signal, or after the longest time, whichever comes first.
 */
import type { Work } from './work';
import type { Told } from './work.worker';

/** A phone tries some hundred thousand numbers a second; 24 bits take it minutes. */
const LONGEST_MS = 600_000;

export type Prove = (
  work: Work,
  onprogress: (tried: number) => void,
  signal: AbortSignal,
) => Promise<string>;

export const prove: Prove = (work, onprogress, signal) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./work.worker.ts', import.meta.url), { type: 'module' });
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]);
    const stop = () => {
      worker.terminate();
      reject(limit.reason as Error);
    };
    limit.addEventListener('abort', stop, { once: true });
    if (limit.aborted) return stop();
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      if ('tried' in data) return onprogress(data.tried);
      limit.removeEventListener('abort', stop);
      worker.terminate();
      resolve(data.proof);
    };
    worker.onerror = () => {
      limit.removeEventListener('abort', stop);
      worker.terminate();
      reject(new Error('the worker could not be started'));
    };
    worker.postMessage(work);
  });
