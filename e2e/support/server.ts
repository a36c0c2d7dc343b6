/**
 * A server of one's own: the real binary on a free port with a folder that nobody else has.
 *
 * Invariant: what was started is stopped by its own id and its folder removed, also when the tests break off.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export type Settings = Readonly<Record<string, string>>;

const root = fileURLToPath(new URL('../..', import.meta.url));
/** The program under test. */
export const program = process.env['ONSALE_BIN'] ?? join(root, 'target/debug/onsale');

/** Seating plans that come with the project. */
export const plans = {
  theatre: join(root, 'crates/domain/plans/theatre.json'),
  arena: join(root, 'crates/domain/plans/arena-10000.json'),
};

const START_MS = 20_000;
const STOP_MS = 15_000;
const COMMAND_MS = 30_000;

/** A few people at one address do in a second what thousands do in an hour. */
const alone = { ONSALE_LIMITS__ENABLED: 'false' };

const organizer = { email: 'organizer@example.com', password: 'a password for tests' };

export class Server {
  readonly organizer = organizer;
  readonly #data = mkdtempSync(join(tmpdir(), 'onsale-e2e-'));
  #process: ChildProcess | undefined;
  #url = '';
  readonly #end = () => this.#process?.kill('SIGKILL');

  private constructor() {
    process.once('exit', this.#end);
  }

  static async start(settings: Settings = {}): Promise<Server> {
    if (!existsSync(program))
      throw new Error(`there is no ${program}: build it, or set ONSALE_BIN`);
    const server = new Server();
    const { email, password } = organizer;
    await server.run(
      ['account', 'create', '--email', email, '--role', 'organizer', '--password-stdin'],
      password,
    );
    await server.#serve('127.0.0.1:0', settings);
    return server;
  }

  /** Without a slash at its end. */
  get url(): string {
    return this.#url;
  }

  /** Stops it and starts it again with other settings, on the same data and port. */
  async restart(settings: Settings = {}): Promise<void> {
    await this.#quit();
    await this.#serve(new URL(this.#url).host, settings);
  }

  /** Stops it for a while; `resume` is `restart`. */
  async pause(): Promise<void> {
    await this.#quit();
  }

  async stop(): Promise<void> {
    await this.#quit();
    process.off('exit', this.#end);
    rmSync(this.#data, { recursive: true, force: true });
  }

  /** Runs another command of the program on the same data; gives what it prints. */
  async run(args: readonly string[], input = ''): Promise<string> {
    const child = spawn(program, args, { env: this.#environment({}), timeout: COMMAND_MS });
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    // Whoever does not read it may be through before it is written; what it says is in its status.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${input}\n`);
    const [status] = (await once(child, 'close')) as [number | null];
    if (status !== 0) throw new Error(`onsale ${args.join(' ')}: ${errors}`);
    return output;
  }

  /** An event with one performance of a plan; gives their ids. */
  async seed(...args: readonly string[]): Promise<{ event_id: string; performance_id: string }> {
    const printed = await this.run(['seed', '--owner', organizer.email, ...args]);
    return JSON.parse(printed) as { event_id: string; performance_id: string };
  }

  #environment(settings: Settings): NodeJS.ProcessEnv {
    const others = Object.entries(process.env).filter(([name]) => !name.startsWith('ONSALE_'));
    return { ...Object.fromEntries(others), ONSALE_DATA_DIR: this.#data, ...alone, ...settings };
  }

  async #serve(listen: string, settings: Settings): Promise<void> {
    const env = { ONSALE_LOG__LEVEL: 'warn', ...this.#environment(settings) };
    const child = spawn(program, ['serve', '--listen', listen], {
      env,
      cwd: this.#data,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    const lines = createInterface(child.stdout);
    const address = await new Promise<string>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('the server did not start')), START_MS);
      child.once('exit', (status) => reject(new Error(`the server ended with ${status}`)));
      child.once('error', reject);
      lines.on('line', (line) => {
        const found = /^listening on (http:\S+)$/.exec(line)?.[1];
        if (!found) return;
        clearTimeout(late);
        resolve(found);
      });
    });
    this.#url = address.replace(/\/$/, '');
  }

  async #quit(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(late);
  }
}
