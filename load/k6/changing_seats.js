// Buyers who change their minds: another seat is taken first, then the old one is given back. Nobody ever has more than
// they asked for, and in the end everything is free again.
//
//   BUYERS   how many at once [50]
//   CHANGES  how often each changes [20]
import { Counter, Trend } from 'k6/metrics';
import {
  NOTHING_WRONG,
  ask,
  books,
  code,
  guest,
  isWrong,
  makeSale,
  number,
  within,
} from './lib/onsale.js';

const BUYERS = number('BUYERS', 50);
const CHANGES = number('CHANGES', 20);
const COLUMNS = 20;
// Twice as many seats as buyers: most changes find a free one, some do not.
const ROWS = Math.max(1, Math.ceil((BUYERS * 2) / COLUMNS));

const changed = new Counter('changes_made');
const refused = new Counter('changes_refused');
const changing = new Trend('change_ms', true);

export const options = {
  scenarios: {
    changing: { executor: 'per-vu-iterations', vus: BUYERS, iterations: 1, maxDuration: '10m' },
  },
  thresholds: { ...NOTHING_WRONG, changes_made: ['count>0'], change_ms: within(95, 1000) },
};

export function setup() {
  return makeSale('Changes', { max_seats_per_buyer: 2 }, ROWS, COLUMNS);
}

export default function change({ performance }) {
  const me = guest();
  if (!me) return;
  let mine = null;
  for (let number = 0; number <= CHANGES; number += 1) {
    const begun = Date.now();
    const next = hold(performance, me);
    if (!next) continue;
    if (mine) {
      if (!release(me, mine)) return;
      changing.add(Date.now() - begun);
      changed.add(1);
    }
    mine = next;
  }
  const held = ask('GET', '/me/reservations', { as: 'my reservations', token: me });
  const live =
    held.status === 200 ? held.json('items').filter((item) => item.status === 'held') : [];
  if (live.length !== (mine ? 1 : 0)) isWrong(`${live.length} reservations are held`, held);
  if (mine) release(me, mine);
}

function hold(performance, token) {
  const seat = 1 + Math.floor(Math.random() * ROWS * COLUMNS);
  const answer = ask('POST', `/performances/${performance}/reservations`, {
    as: 'hold',
    token,
    body: { seat_ids: [seat] },
  });
  if (answer.status === 201) {
    const seats = answer.json('seats');
    if (seats.length !== 1 || seats[0].id !== seat)
      isWrong('another seat than was asked for', answer);
    return answer.json('id');
  }
  if (code(answer) === 'seat_taken') refused.add(1);
  else isWrong('hold', answer);
  return null;
}

function release(token, reservation) {
  const answer = ask('DELETE', `/reservations/${reservation}`, { as: 'release', token });
  if (answer.status === 204) return true;
  isWrong('release', answer);
  return false;
}

export function teardown(sale) {
  const stats = books(sale);
  if (stats && stats.available !== stats.capacity) {
    isWrong('not free again', { status: stats.available, body: JSON.stringify(stats) });
  }
}
