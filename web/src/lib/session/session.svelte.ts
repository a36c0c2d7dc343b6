/**
 * Who is buying in this browser: an account, a guest, or nobody yet.
 *
 * Invariants: a refresh token is sent by one tab at a time, because sent twice it ends the log-in everywhere; all tabs
 * have the same session; a guest's token outlives a log-in, so that what was held as a guest is there again after it.
 */
import { Problem, problemOf } from '$lib/api/problems';
import { robust } from '$lib/api/robust';
import type { components } from '$lib/api/schema';
import { type Remembered, remembered } from '$lib/storage/remembered';

import { exclusively } from './exclusively';

type TokenSet = components['schemas']['TokenSet'];

export interface Tokens {
  access: string;
  /** Guests have none. */
  refresh: string | null;
  /** By this browser's clock. */
  expiresAt: number;
}

interface Stored {
  account?: Tokens | undefined;
  guest?: Tokens | undefined;
}

const KEY = 'onsale.session';
/** An access token this close to its end is exchanged before it is used. */
const MARGIN_MS = 20_000;

function isTokens(value: unknown): value is Tokens {
  if (typeof value !== 'object' || value === null) return false;
  const { access, refresh, expiresAt } = value as Record<string, unknown>;
  return (
    typeof access === 'string' &&
    (refresh === null || typeof refresh === 'string') &&
    typeof expiresAt === 'number'
  );
}

function isStored(value: unknown): value is Stored {
  if (typeof value !== 'object' || value === null) return false;
  const { account, guest } = value as Record<string, unknown>;
  return (account === undefined || isTokens(account)) && (guest === undefined || isTokens(guest));
}

function tokensOf(set: TokenSet, now: number): Tokens {
  return {
    access: set.access_token,
    refresh: set.refresh_token ?? null,
    expiresAt: now + set.expires_in * 1000,
  };
}

/** What a session needs from outside. */
export interface SessionParts {
  send(path: string, init: RequestInit, insistent: boolean): Promise<Response>;
  now(): number;
  storage(): Storage;
}

const insistently = robust(undefined, { insistent: true });
const once = robust();

const realParts: SessionParts = {
  send: (path, init, insistent) =>
    (insistent ? insistently : once)(new Request(`${location.origin}/api/v1${path}`, init)),
  now: () => Date.now(),
  storage: () => localStorage,
};

export class Session {
  readonly #parts: SessionParts;
  readonly #stored: Remembered<Stored>;
  #memory: Stored = $state.raw({});
  /** A log-in that the server ended; said once on the page, until something is done about it. */
  ended = $state(false);

  /** Who is shown on the page. */
  readonly kind: 'account' | 'guest' | 'nobody' = $derived(
    this.#memory.account ? 'account' : this.#memory.guest ? 'guest' : 'nobody',
  );

  constructor(parts: SessionParts = realParts) {
    this.#parts = parts;
    this.#stored = remembered(KEY, isStored, () => parts.storage());
    this.#memory = this.#read();
    addEventListener('storage', (event) => {
      if (event.key === KEY || event.key === null) this.#memory = this.#read();
    });
  }

  /** An access token that is good for now; nothing if there is nobody. */
  async token(): Promise<string | undefined> {
    const { account, guest } = this.#memory;
    if (account) return this.#fresh(account) ? account.access : this.renew(account.access);
    if (guest && !this.#fresh(guest)) {
      this.#write({ ...this.#memory, guest: undefined });
      return undefined;
    }
    return guest?.access;
  }

  /** A token other than the one that is not accepted any more; nothing if that login has ended. */
  async renew(stale: string): Promise<string | undefined> {
    return exclusively(KEY, async () => {
      // Another tab may have been faster.
      const stored = (this.#memory = this.#read());
      const { account, guest } = stored;
      if (!account) {
        if (guest?.access === stale) this.#write({});
        return guest && guest.access !== stale ? guest.access : undefined;
      }
      if (account.access !== stale && this.#fresh(account)) return account.access;
      const response = await this.#post('/auth/refresh', { refresh_token: account.refresh }, true);
      if (response.ok) {
        const tokens = tokensOf((await response.json()) as TokenSet, this.#parts.now());
        this.#write({ ...this.#read(), account: tokens });
        return tokens.access;
      }
      const problem = problemOf(response, await body(response));
      if (problem.status !== 401) throw problem;
      // Where tabs cannot lock, another may have exchanged it meanwhile.
      const now = this.#read().account;
      if (now && now.refresh !== account.refresh) {
        this.#memory = this.#read();
        return now.access;
      }
      this.#write({ ...this.#read(), account: undefined });
      this.ended = true;
      return undefined;
    });
  }

  /** Makes sure that there is a buyer: a guest if nobody has logged in. */
  async ensure(): Promise<void> {
    if (await this.token()) return;
    await exclusively(KEY, async () => {
      this.#memory = this.#read();
      if (this.#memory.account || this.#memory.guest) return;
      const tokens = await this.#tokens('/auth/guest', {}, true);
      this.#write({ ...this.#read(), guest: tokens });
    });
  }

  /** Goes on as a guest of before; not where somebody is buying already. */
  async adopt(access: string, forSeconds: number): Promise<boolean> {
    const present = await this.token();
    if (present) return present === access;
    return exclusively(KEY, () => {
      const stored = (this.#memory = this.#read());
      if (stored.account || stored.guest) return Promise.resolve(stored.guest?.access === access);
      const expiresAt = this.#parts.now() + forSeconds * 1000;
      this.#write({ guest: { access, refresh: null, expiresAt } });
      return Promise.resolve(true);
    });
  }

  async logIn(email: string, password: string): Promise<void> {
    const tokens = await this.#tokens('/auth/login', { email, password }, true);
    this.ended = false;
    this.#write({ ...this.#read(), account: tokens });
  }

  /**
   * Makes an account and logs in. When the answer is lost, the account may exist: logging in with the same password
   * tells, and is all that was wanted.
   */
  async signUp(name: string, email: string, password: string): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await this.#post('/auth/signup', { name, email, password }, false);
        if (!response.ok) throw problemOf(response, await body(response));
        break;
      } catch (error) {
        if (!(error instanceof Problem) || !error.undecided || attempt >= 5) throw error;
        if (await this.#isIn(email, password)) return;
      }
    }
    await this.logIn(email, password);
  }

  async logOut(): Promise<void> {
    const account = this.#read().account;
    this.ended = false;
    this.#write({ ...this.#read(), account: undefined });
    if (!account) return;
    // The tokens are gone from here in any case; that the server forgets them too is worth a few tries.
    const headers = { authorization: `Bearer ${account.access}` };
    await this.#parts
      .send('/auth/logout', { method: 'POST', headers }, true)
      .catch(() => undefined);
  }

  /** Whoever buys here is known nowhere any more: forgotten in this browser, and nobody is told. */
  forget(): void {
    const { account, guest } = this.#read();
    this.ended = false;
    this.#write(account ? { guest } : {});
  }

  async #isIn(email: string, password: string): Promise<boolean> {
    try {
      await this.logIn(email, password);
      return true;
    } catch (error) {
      if (error instanceof Problem && error.code === 'bad_credentials') return false;
      throw error;
    }
  }

  async #tokens(path: string, payload: object, insistent: boolean): Promise<Tokens> {
    const response = await this.#post(path, payload, insistent);
    if (!response.ok) throw problemOf(response, await body(response));
    return tokensOf((await response.json()) as TokenSet, this.#parts.now());
  }

  #post(path: string, payload: object, insistent: boolean): Promise<Response> {
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(payload) };
    return this.#parts.send(path, init, insistent);
  }

  #fresh(tokens: Tokens): boolean {
    return tokens.expiresAt - MARGIN_MS > this.#parts.now();
  }

  #read(): Stored {
    return this.#stored.read() ?? {};
  }

  #write(next: Stored): void {
    this.#memory = next;
    this.#stored.write(next);
  }
}

async function body(response: Response): Promise<unknown> {
  return response.json().catch(() => undefined) as Promise<unknown>;
}

export const session = new Session();
