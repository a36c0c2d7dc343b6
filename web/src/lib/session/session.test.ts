import { beforeEach, describe, expect, it } from 'vitest';

import { Session, type SessionParts } from './session.svelte';

const KEY = 'onsale.session';
const MINUTE = 60_000;

interface Sent {
  path: string;
  body: unknown;
}

/** A server that rotates refresh tokens and ends the log-in when one comes twice. */
class Server {
  sent: Sent[] = [];
  used = new Set<string>();
  dead = false;
  #count = 0;
  /** What to answer instead, once each. */
  readonly instead: (() => Response | Error)[] = [];

  answer(path: string, body: Record<string, string>): Response {
    const json = (status: number, value: unknown) =>
      new Response(JSON.stringify(value), { status });
    const tokens = (refresh: boolean) => {
      this.#count += 1;
      return {
        access_token: `a${this.#count}`,
        token_type: 'Bearer',
        expires_in: 900,
        refresh_token: refresh ? `r${this.#count}` : null,
      };
    };
    switch (path) {
      case '/auth/guest':
        return json(201, tokens(false));
      case '/auth/login':
        return body['password'] === 'right'
          ? json(200, tokens(true))
          : json(401, { code: 'bad_credentials' });
      case '/auth/signup':
        return json(201, {});
      case '/auth/refresh': {
        const token = body['refresh_token'] ?? '';
        if (this.used.has(token)) this.dead = true;
        this.used.add(token);
        return this.dead ? json(401, { code: 'unauthenticated' }) : json(200, tokens(true));
      }
      default:
        return new Response(null, { status: 204 });
    }
  }
}

let server: Server;
let now: number;

function parts(): SessionParts {
  return {
    async send(path, init) {
      const body = JSON.parse(String(init.body ?? '{}')) as Record<string, string>;
      server.sent.push({ path, body });
      // As long as an answer takes, others run.
      await Promise.resolve();
      const other = server.instead.shift()?.();
      if (other instanceof Error) throw other;
      return other ?? server.answer(path, body);
    },
    now: () => now,
    storage: () => localStorage,
  };
}

const paths = () => server.sent.map(({ path }) => path);

beforeEach(() => {
  localStorage.clear();
  server = new Server();
  now = 1_000_000;
});

describe('who is forgotten', () => {
  it('is the account first, with nothing sent, then the guest', async () => {
    const session = new Session(parts());
    await session.ensure();
    await session.logIn('kim@example.com', 'right');
    session.forget();
    expect([session.kind, session.ended]).toEqual(['guest', false]);
    session.forget();
    expect([session.kind, await session.token()]).toEqual(['nobody', undefined]);
    expect(new Session(parts()).kind).toBe('nobody');
    expect(paths()).toEqual(['/auth/guest', '/auth/login']);
  });
});

describe('a guest', () => {
  it('is made once, at the first need', async () => {
    const session = new Session(parts());
    expect(session.kind).toBe('nobody');
    expect(await session.token()).toBeUndefined();
    await Promise.all([session.ensure(), session.ensure()]);
    expect(paths()).toEqual(['/auth/guest']);
    expect(session.kind).toBe('guest');
    expect(await session.token()).toBe('a1');
  });

  it('is known again after a reload', async () => {
    await new Session(parts()).ensure();
    expect(await new Session(parts()).token()).toBe('a1');
  });

  it('is forgotten when its token has ended', async () => {
    const session = new Session(parts());
    await session.ensure();
    now += 16 * MINUTE;
    expect(await session.token()).toBeUndefined();
    expect(session.kind).toBe('nobody');
  });

  it('of elsewhere is gone on as, unless somebody is buying here', async () => {
    const session = new Session(parts());
    expect(await session.adopt('elsewhere', 60)).toBe(true);
    expect([session.kind, await session.token()]).toEqual(['guest', 'elsewhere']);
    expect(await session.adopt('elsewhere', 60)).toBe(true);
    expect(await session.adopt('another', 60)).toBe(false);
    expect(await session.token()).toBe('elsewhere');
    now += MINUTE;
    expect(await session.adopt('another', 60)).toBe(true);
    await session.logIn('kim@example.com', 'right');
    expect(await session.adopt('another', 60)).toBe(false);
  });

  it('is there again after somebody has logged in and out', async () => {
    const session = new Session(parts());
    await session.ensure();
    await session.logIn('kim@example.com', 'right');
    expect([session.kind, await session.token()]).toEqual(['account', 'a2']);
    await session.logOut();
    expect([session.kind, await session.token()]).toEqual(['guest', 'a1']);
    expect(paths().at(-1)).toBe('/auth/logout');
  });
});

describe('an account', () => {
  it('exchanges its token before it ends, once for all who ask', async () => {
    const session = new Session(parts());
    await session.logIn('kim@example.com', 'right');
    now += 15 * MINUTE;
    const tokens = await Promise.all([session.token(), session.token(), session.token()]);
    expect(tokens).toEqual(['a2', 'a2', 'a2']);
    expect(paths()).toEqual(['/auth/login', '/auth/refresh']);
  });

  it('exchanges it once when several answers refuse the same token', async () => {
    const session = new Session(parts());
    await session.logIn('kim@example.com', 'right');
    const tokens = await Promise.all([session.renew('a1'), session.renew('a1')]);
    expect(tokens).toEqual(['a2', 'a2']);
    expect(paths()).toEqual(['/auth/login', '/auth/refresh']);
  });

  it('never sends a refresh token twice from two tabs', async () => {
    const first = new Session(parts());
    await first.logIn('kim@example.com', 'right');
    const second = new Session(parts());
    const tokens = await Promise.all([first.renew('a1'), second.renew('a1')]);
    expect(new Set(tokens)).toEqual(new Set(['a2']));
    expect(server.dead).toBe(false);
  });

  it('follows what another tab does', async () => {
    const first = new Session(parts());
    const second = new Session(parts());
    await first.logIn('kim@example.com', 'right');
    dispatchEvent(new StorageEvent('storage', { key: KEY }));
    expect(second.kind).toBe('account');
    await second.logOut();
    dispatchEvent(new StorageEvent('storage', { key: KEY }));
    expect(first.kind).toBe('nobody');
  });

  it('says so when the log-in has ended', async () => {
    const session = new Session(parts());
    await session.logIn('kim@example.com', 'right');
    server.dead = true;
    expect(await session.renew('a1')).toBeUndefined();
    expect([session.kind, session.ended]).toEqual(['nobody', true]);
  });

  it('stays logged in when the server is away', async () => {
    const session = new Session(parts());
    await session.logIn('kim@example.com', 'right');
    server.instead.push(() => new Response('{}', { status: 503 }));
    await expect(session.renew('a1')).rejects.toMatchObject({ code: 'unavailable' });
    expect([session.kind, session.ended]).toEqual(['account', false]);
    expect(await session.renew('a1')).toBe('a2');
  });
});

describe('signing up', () => {
  it('logs in', async () => {
    const session = new Session(parts());
    await session.signUp('Kim', 'kim@example.com', 'right');
    expect(session.kind).toBe('account');
  });

  it('finds out by logging in when the answer was lost', async () => {
    const session = new Session(parts());
    server.instead.push(() => new Response('{}', { status: 503 }));
    await session.signUp('Kim', 'kim@example.com', 'right');
    expect(paths()).toEqual(['/auth/signup', '/auth/login']);
    expect(session.kind).toBe('account');
  });

  it('tries again when there is no account after all', async () => {
    const session = new Session(parts());
    server.instead.push(
      () => new Response('{}', { status: 503 }),
      () => new Response('{"code":"bad_credentials"}', { status: 401 }),
    );
    await session.signUp('Kim', 'kim@example.com', 'right');
    expect(paths()).toEqual(['/auth/signup', '/auth/login', '/auth/signup', '/auth/login']);
  });

  it('hands on a refusal', async () => {
    const session = new Session(parts());
    server.instead.push(() => new Response('{"code":"email_taken"}', { status: 409 }));
    await expect(session.signUp('Kim', 'kim@example.com', 'right')).rejects.toMatchObject({
      code: 'email_taken',
    });
    expect(session.kind).toBe('nobody');
  });
});

it('does not trip over what else may be stored', async () => {
  for (const rubbish of ['', '{', 'null', '[]', '{"account":{"access":1}}', '"x"']) {
    localStorage.setItem(KEY, rubbish);
    expect(await new Session(parts()).token()).toBeUndefined();
  }
});

it('lasts as long as the page where storage is refused', async () => {
  const refusing = {
    ...parts(),
    storage: (): Storage => {
      throw new DOMException('refused', 'SecurityError');
    },
  };
  const session = new Session(refusing);
  await session.logIn('kim@example.com', 'right');
  now += 15 * MINUTE;
  expect(await session.token()).toBe('a2');
});
