// Buyers who change their minds: another seat is taken first, then the old one is given back. Nobody ever has more than
// they asked for, and in the end everything is free again.
//
//   BUYERS   how many at once [50]
//   CHANGES  how often each changes [20]
import { Counter, Trend } from 'k6/metrics';
import * as onsale from './lib/onsale.js';

const BUYERS = onsale.number('BUYERS', 50);
const CHANGES = onsale.number('CHANGES', 20);
const COLUMNS = 20;
// Twice as many seats as buyers: most changes find a free one, some do not.
const ROWS = Math.max(1, Math.ceil((BUYERS * 2) / COLUMNS));

const changed = new Counter('changes_made');
const refused = new Counter('changes_refused');
const changing = new Trend('change_ms', true);

export const options = onsale.plays(
  { executor: 'per-vu-iterations', vus: BUYERS, iterations: 1 },
  { changes_made: ['count>0'], change_ms: onsale.within(95, 1000) },
);

export function setup() {
  return onsale.makeSale('Changes', { max_seats_per_buyer: 2 }, ROWS, COLUMNS);
}

export default function change({ performance }) {
  const me = onsale.guest();
  if (!me) return;
  let mine = null;
  for (let number = 0; number <= CHANGES; number += 1) {
    const begun = Date.now();
    const next = holdOne(performance, me);
    if (!next) continue;
    if (mine) {
      if (!release(me, mine)) return;
      changing.add(Date.now() - begun);
      changed.add(1);
    }
    mine = next;
  }
  const held = onsale.ask('GET', '/me/reservations', { as: 'my reservations', token: me });
  const live =
    held.status === 200 ? held.json('items').filter((item) => item.status === 'held') : [];
  if (live.length !== (mine ? 1 : 0)) onsale.isWrong(`${live.length} reservations are held`, held);
  if (mine) release(me, mine);
}

function holdOne(performance, token) {
  const seat = 1 + Math.floor(Math.random() * ROWS * COLUMNS);
  const answer = onsale.hold(performance, token, { seat_ids: [seat] });
  if (answer.status === 201) {
    const seats = answer.json('seats');
    if (seats.length !== 1 || seats[0].id !== seat)
      onsale.isWrong('another seat than was asked for', answer);
    return answer.json('id');
  }
  if (onsale.code(answer) === 'seat_taken') refused.add(1);
  else onsale.isWrong('hold', answer);
  return null;
}

function release(token, reservation) {
  const answer = onsale.ask('DELETE', `/reservations/${reservation}`, { as: 'release', token });
  if (answer.status === 204) return true;
  onsale.isWrong('release', answer);
  return false;
}

export function teardown(sale) {
  onsale.closeBooks(sale, ({ capacity }) => ({ available: capacity }));
}
