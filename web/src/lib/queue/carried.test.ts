import { beforeEach, expect, it } from 'vitest';

import { type CarryParts, carry } from './carried';
import { forget, keep, kept } from './kept';

const carried = { ticket: 'ticket', access_token: 'guest', expires_in: 60 };

function parts(answer: unknown, status = 200, adopts = true) {
  const log: string[] = [];
  const made: CarryParts = {
    fetch: (request) => {
      log.push(`${request.method} ${new URL(request.url).pathname}`);
      return Promise.resolve(new Response(JSON.stringify(answer), { status }));
    },
    adopt: (access, forSeconds) => {
      log.push(`adopt ${access} ${forSeconds}`);
      return Promise.resolve(adopts);
    },
  };
  return { made, log };
}

beforeEach(() => forget('e'));

it('takes the place over, and whose it is', async () => {
  const { made, log } = parts(carried);
  expect(await carry('e', made)).toBe('carried');
  expect(log).toEqual(['POST /wait/e/carry', 'adopt guest 60']);
  expect(kept('e')).toEqual({ ticket: 'ticket' });
});

it('leaves a place alone that is here already', async () => {
  keep('e', { ticket: 'mine' });
  const { made, log } = parts(carried);
  expect(await carry('e', made)).toBe('nothing');
  expect([log, kept('e')]).toEqual([[], { ticket: 'mine' }]);
});

it('takes nothing where somebody else is buying here', async () => {
  const { made } = parts(carried, 200, false);
  expect(await carry('e', made)).toBe('refused');
  expect(kept('e')).toBeUndefined();
});

it('needs nobody where a gateway says who it is', async () => {
  const { made, log } = parts({ ...carried, access_token: null, expires_in: null });
  expect(await carry('e', made)).toBe('carried');
  expect(log).toEqual(['POST /wait/e/carry']);
});

it.each([
  [{ code: 'ticket_invalid' }, 403],
  [{ ticket: 7 }, 200],
  [null, 200],
])('goes on as if nothing were there after %j', async (answer, status) => {
  const { made } = parts(answer, status);
  expect(await carry('e', made)).toBe('nothing');
  expect(kept('e')).toBeUndefined();
});
