/**
 * Pages that are loaded when they are needed.
 *
 * Invariant: a page that cannot be loaded is replaced by one that says so; loading is tried a bounded number of times.
 */
import type { Component } from 'svelte';
import { type WrappedComponent, wrap } from 'svelte-spa-router/wrap';

import LoadFailed from './LoadFailed.svelte';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- pages differ in their props; the router knows one kind.
type AnyComponent = Component<any>;
interface Module {
  default: AnyComponent;
}

const PAUSES_MS = [250, 750, 2000];

export async function loaded(load: () => Promise<Module>, pauses = PAUSES_MS): Promise<Module> {
  for (const pause of [...pauses, undefined]) {
    try {
      return await load();
    } catch {
      if (pause !== undefined) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
  return { default: LoadFailed };
}

export function lazy(load: () => Promise<Module>): WrappedComponent {
  return wrap({ asyncComponent: () => loaded(load) });
}
