/**
 * Server-sent events, read from a response.
 *
 * `EventSource` hides comments, and comments are how the server shows that a quiet stream is alive; so the stream is read
 * here.
 */

/** What came: the data of an event, or a sign of life without any. */
export type Heard = { data: string } | 'comment';

/** Longer than any snapshot of a house that fits on a map; beyond it the stream is not one of ours. */
const LONGEST_LINE = 4_000_000;

export class EventStreamParser {
  #rest = '';
  #data: string[] = [];

  /** Takes in text as it arrives, cut anywhere. */
  push(text: string): Heard[] {
    const heard: Heard[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LONGEST_LINE) throw new Error('the event stream has no line ends');
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) heard.push({ data: this.#data.join('\n') });
        this.#data = [];
      } else if (line.startsWith(':')) {
        heard.push('comment');
      } else if (line.startsWith('data:')) {
        this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      }
    }
    return heard;
  }
}
