/**
 * A Stripe of one's own: the books are those of `localstripe`, which has the payments; before it stands a front of ours, on
 * a free port, that serves the script for browsers (see `stripe-script.ts`) and does what `localstripe` leaves out:
 * confirming with a PaymentMethod, and saying why an issuer has declined.
 *
 * Invariant: nothing leaves the machine, and what was started is ended by its own id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { type Settings, program } from './server.ts';
import { bankFrame, formFrame, script } from './stripe-script.ts';

/** Cards by what becomes of them, from docs.stripe.com/testing. */
export const cards = {
  good: '4242424242424242',
  declined: '4000000000000341',
  asking: '4000002500003155',
};

const SECRET_KEY = 'sk_test_for_tests_only';
const START_MS = 30_000;

/** The server: no file of its own, a port of the system's choice, and its end with that of whoever started it. */
const PROGRAM = `
import os, socket, sys, threading
from aiohttp import web
from localstripe import resources, server
resources.Store.dump_to_disk = lambda store: None
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
sock = socket.socket()
sock.bind(('127.0.0.1', 0))
print(sock.getsockname()[1], flush=True)
web.run_app(server.app, sock=sock, print=None, access_log=None)
`;

/** Where `cargo xtask test` installs it: beside the build, or where a variable says. */
const folders = [
  process.env['ONSALE_LOCALSTRIPE'],
  join(dirname(dirname(program)), 'localstripe'),
].filter((folder) => folder !== undefined);
const python = folders.map((folder) => join(folder, 'bin/python3')).find(existsSync);

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export class Stripe {
  static readonly isInstalled = python !== undefined;
  /** Why the issuer declines. */
  declineCode = 'insufficient_funds';
  /** Whether browsers get the script. */
  hasScript = true;
  /** What was asked of it, in order. */
  readonly calls: string[] = [];
  readonly #books: ChildProcess;
  readonly #booksUrl: string;
  readonly #front = createServer((request, response) => void this.#answer(request, response));

  private constructor(books: ChildProcess, port: string) {
    this.#books = books;
    this.#booksUrl = `http://127.0.0.1:${port}`;
    process.once('exit', this.#end);
  }

  readonly #end = () => this.#books.kill('SIGKILL');

  static async start(): Promise<Stripe> {
    if (!python) throw new Error('localstripe is not installed: cargo xtask test does it');
    const books = spawn(python, ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'ignore'] });
    const lines = createInterface(books.stdout);
    const [port] = (await once(lines, 'line', { signal: AbortSignal.timeout(START_MS) })) as [
      string,
    ];
    const stripe = new Stripe(books, port);
    stripe.#front.listen(0, '127.0.0.1');
    await once(stripe.#front, 'listening');
    const deadline = Date.now() + START_MS;
    while (!(await stripe.#isUp())) {
      if (Date.now() > deadline) throw new Error('localstripe did not start');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return stripe;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#front.address() as AddressInfo).port}`;
  }

  /** What a server needs to be paid through it. */
  get settings(): Settings {
    return {
      ONSALE_PAYMENTS__STRIPE__SECRET_KEY: SECRET_KEY,
      ONSALE_PAYMENTS__STRIPE__PUBLISHABLE_KEY: 'pk_test_for_tests_only',
      ONSALE_PAYMENTS__STRIPE__BASE_URL: this.url,
      ONSALE_PAYMENTS__STRIPE__SCRIPT_URL: `${this.url}/v3/`,
    };
  }

  /** The states of all payments in the books. */
  async intents(): Promise<string[]> {
    const { body } = await this.#call('GET', '/v1/payment_intents?limit=100');
    return (body['data'] as { status: string }[]).map(({ status }) => status).sort();
  }

  async stop(): Promise<void> {
    process.off('exit', this.#end);
    this.#front.closeAllConnections();
    this.#front.close();
    const ended = once(this.#books, 'exit');
    this.#books.kill('SIGKILL');
    await ended;
  }

  async #isUp(): Promise<boolean> {
    return this.#call('GET', '/v1/payment_intents').then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  async #call(method: string, path: string, body?: string, type?: string): Promise<Answer> {
    const response = await fetch(`${this.#booksUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${SECRET_KEY}`,
        'content-type': type ?? 'application/x-www-form-urlencoded',
      },
      body: body ?? null,
      signal: AbortSignal.timeout(10_000),
    });
    return { status: response.status, body: (await response.json()) as Answer['body'] };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks).toString();
    this.calls.push(`${request.method} ${url.pathname}`);
    const page = (type: string, text: string) =>
      response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
    if (url.pathname === '/v3/') {
      if (this.hasScript) page('text/javascript', script);
      else response.writeHead(503).end();
    } else if (url.pathname === '/form') {
      page('text/html', formFrame(url.searchParams.get('locale')));
    } else if (url.pathname === '/bank') {
      page('text/html', bankFrame(url.searchParams.get('locale')));
    } else {
      const { status, body } = await this.#asked(request.method ?? 'GET', url, sent).catch(
        (error: unknown): Answer => ({ status: 502, body: { error: { message: String(error) } } }),
      );
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    }
  }

  async #asked(method: string, url: URL, sent: string): Promise<Answer> {
    if (url.pathname === '/browser/payment_methods')
      return this.#call('POST', '/v1/payment_methods', sent);
    if (url.pathname === '/browser/authenticate') {
      const { client_secret } = JSON.parse(sent) as { client_secret: string };
      const [intent] = client_secret.split('_secret_');
      const path = `/v1/payment_intents/${intent}/_authenticate${url.search}`;
      return this.#call('POST', path, sent, 'application/json');
    }
    const confirmed = /^\/v1\/payment_intents\/(\w+)\/confirm$/.exec(url.pathname)?.[1];
    if (!confirmed) return this.#call(method, url.pathname + url.search, sent || undefined);
    const parameters = new URLSearchParams(sent);
    const chosen = new URLSearchParams({
      payment_method: parameters.get('payment_method') ?? '',
    });
    const updated = await this.#call('POST', `/v1/payment_intents/${confirmed}`, chosen.toString());
    if (updated.status !== 200) return updated;
    const answer = await this.#call('POST', url.pathname);
    const error = answer.body['error'] as { code?: string; decline_code?: string } | undefined;
    if (error?.code === 'card_declined') error.decline_code = this.declineCode;
    return answer;
  }
}
