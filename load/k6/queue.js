// A crowd in the waiting room: places only ever move forward, whoever is let in buys, and exactly what there is gets sold.
//
//   BUYERS  how many come [200]
//   SEATS   for how many seats, one each [50]
//   RATE    how many are let in a second [50]
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import * as onsale from './lib/onsale.js';

const BUYERS = onsale.number('BUYERS', 200);
const SEATS = Math.min(onsale.number('SEATS', 50), BUYERS);
const RATE = onsale.number('RATE', 50);
const COLUMNS = 10;
// Longer than this nobody waits without being told how it ends.
const WAITS_AT_MOST_MS = 5 * 60 * 1000;
const ATTEMPTS = 8;

const bought = new Counter('tickets_bought');
const toldSoldOut = new Counter('told_sold_out');
const joining = new Trend('join_ms', true);
const polling = new Trend('poll_ms', true);

export const options = onsale.plays(
  { executor: 'per-vu-iterations', vus: BUYERS, iterations: 1 },
  {
    tickets_bought: [`count==${Math.ceil(SEATS / COLUMNS) * COLUMNS}`],
    join_ms: onsale.within(95, 1000),
    poll_ms: onsale.within(95, 500),
  },
);

export function setup() {
  const waiting_room = { mode: 'on', admit_per_second: RATE, max_inside: SEATS };
  const settings = { max_seats_per_buyer: 1, waiting_room };
  return onsale.makeSale('Crowd', settings, Math.ceil(SEATS / COLUMNS), COLUMNS);
}

export default function wait({ event, performance }) {
  const me = onsale.guest();
  if (!me) return;
  const joined = onsale.ask('POST', `/events/${event}/queue`, { as: 'join', token: me, body: {} });
  joining.add(joined.timings.duration);
  if (joined.status !== 201) {
    onsale.isWrong('join', joined);
    return;
  }
  const ticket = joined.json('ticket');
  const came = Date.now();
  let place = joined.json();
  for (;;) {
    if (place.status === 'ready') {
      const pass = enter(event, me, ticket);
      if (pass) {
        buy(performance, me, pass);
        return;
      }
    }
    if (place.status === 'sold_out') {
      toldSoldOut.add(1);
      return;
    }
    if (Date.now() - came > WAITS_AT_MOST_MS) {
      onsale.isWrong('never told', { status: place.status, body: JSON.stringify(place) });
      return;
    }
    sleep(Math.max(place.poll_after_ms || 1000, 100) / 1000);
    const polled = onsale.ask('GET', `/events/${event}/queue`, {
      as: 'poll',
      headers: { 'Queue-Ticket': ticket },
    });
    polling.add(polled.timings.duration);
    if (polled.status !== 200) {
      onsale.isWrong('poll', polled);
      return;
    }
    const next = polled.json();
    if (place.status === 'waiting' && next.status === 'waiting' && next.ahead > place.ahead) {
      onsale.isWrong(`more ahead than before: ${place.ahead}`, polled);
    }
    place = next;
  }
}

function enter(event, token, ticket) {
  const answer = onsale.ask('POST', `/events/${event}/queue/enter`, {
    as: 'enter',
    token,
    headers: { 'Queue-Ticket': ticket },
  });
  if (answer.status === 200) return answer.json('pass');
  if (!['not_your_turn', 'turn_missed', 'sold_out'].includes(onsale.code(answer)))
    onsale.isWrong('enter', answer);
  return null;
}

function buy(performance, token, pass) {
  const wish = { best_available: { quantity: 1 } };
  const held = onsale.hold(performance, token, wish, { headers: { 'Queue-Pass': pass } });
  if (held.status !== 201) {
    if (onsale.code(held) === 'sold_out') toldSoldOut.add(1);
    else onsale.isWrong('hold', held);
    return;
  }
  const path = `/reservations/${held.json('id')}/confirm`;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const paid = onsale.ask('POST', path, { as: 'confirm', token, body: onsale.PAYMENT });
    if (paid.status === 201) {
      bought.add(1);
      return;
    }
    if (onsale.code(paid) !== 'payment_declined' || attempt === ATTEMPTS) {
      onsale.isWrong('confirm', paid);
      return;
    }
  }
}

export function teardown(sale) {
  onsale.closeBooks(sale, ({ capacity }) => ({ sold: capacity }));
}
