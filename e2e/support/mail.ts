/**
 * A mail server that keeps what it gets: as much of SMTP (RFC 5321) as a client without TLS and log-in needs.
 *
 * Invariant: a letter is kept when its end has come, and never twice for one DATA.
 */
import { once } from 'node:events';
import { type AddressInfo, type Socket, createServer } from 'node:net';
import { createInterface } from 'node:readline';

import type { Settings } from './server.ts';

export interface Received {
  to: string[];
  text: string;
}

export class MailServer {
  readonly letters: Received[] = [];
  /** Whether letters are refused for good. */
  refuses = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#talk(socket));

  static async start(): Promise<MailServer> {
    const mail = new MailServer();
    mail.#server.listen(0, '127.0.0.1');
    await once(mail.#server, 'listening');
    return mail;
  }

  /** What a server needs to send through it. */
  get settings(): Settings {
    const { port } = this.#server.address() as AddressInfo;
    return {
      ONSALE_MAIL__HOST: '127.0.0.1',
      ONSALE_MAIL__PORT: String(port),
      ONSALE_MAIL__TLS: 'none',
      ONSALE_MAIL__FROM: 'Tickets <tickets@example.com>',
      ONSALE_MAIL__PUBLIC_URL: 'https://tickets.example.com',
    };
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #talk(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    const say = (line: string) => socket.write(`${line}\r\n`);
    let to: string[] = [];
    let text: string[] | undefined;
    say('220 mail.example.com');
    createInterface(socket).on('line', (line) => {
      if (text) {
        if (line !== '.') return void text.push(line);
        this.letters.push({ to, text: text.join('\n') });
        [text, to] = [undefined, []];
        return void say('250 kept');
      }
      const command = line.slice(0, 4).toUpperCase();
      if (command === 'QUIT') {
        say('221 bye');
        return void socket.end();
      }
      if (command === 'RCPT' && this.refuses) return void say('550 nobody here');
      if (command === 'RCPT') to.push(/<(.*?)>/.exec(line)?.[1] ?? '');
      if (command === 'DATA') text = [];
      say(command === 'DATA' ? '354 go on' : '250 fine');
    });
  }
}
