/**
 * What who has logged in may do, so that pages show the way to it. What they really may, the server decides.
 *
 * Invariant: asked for once for each log-in; until it is known, and where it cannot be had, nobody is an organizer.
 */
import { given, own } from '$lib/api/client';

import { session } from './session.svelte';

class Roles {
  #known = $state.raw<readonly string[]>([]);

  get isOrganizer(): boolean {
    const may = this.#known.includes('organizer') || this.#known.includes('admin');
    return session.kind === 'account' && may;
  }

  /** To be run in an effect: asks when somebody logs in, forgets when they log out. */
  follow(): (() => void) | undefined {
    this.#known = [];
    if (session.kind !== 'account') return undefined;
    const left = new AbortController();
    given(own.GET('/api/v1/me', { signal: left.signal })).then(
      ({ roles }) => {
        if (!left.signal.aborted) this.#known = roles;
      },
      () => undefined,
    );
    return () => left.abort();
  }
}

export const roles = new Roles();
