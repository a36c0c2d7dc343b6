// A crowd in the waiting room: places only ever move forward, whoever is let in buys, and exactly what there is gets sold.
//
//   BUYERS  how many come [200]
//   SEATS   for how many seats, one each [50]
//   RATE    how many are let in a second [50]
import { sleep } from 'k6';
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

const BUYERS = number('BUYERS', 200);
const SEATS = Math.min(number('SEATS', 50), BUYERS);
const RATE = number('RATE', 50);
const COLUMNS = 10;
// Longer than this nobody waits without being told how it ends.
const WAITS_AT_MOST_MS = 5 * 60 * 1000;
const ATTEMPTS = 8;

const bought = new Counter('tickets_bought');
const toldSoldOut = new Counter('told_sold_out');
const joining = new Trend('join_ms', true);
const polling = new Trend('poll_ms', true);

export const options = {
  scenarios: {
    crowd: { executor: 'per-vu-iterations', vus: BUYERS, iterations: 1, maxDuration: '10m' },
  },
  thresholds: {
    ...NOTHING_WRONG,
    tickets_bought: [`count==${Math.ceil(SEATS / COLUMNS) * COLUMNS}`],
    join_ms: within(95, 1000),
    poll_ms: within(95, 500),
  },
};

export function setup() {
  const waiting_room = { mode: 'on', admit_per_second: RATE, max_inside: SEATS };
  const settings = { max_seats_per_buyer: 1, waiting_room };
  return makeSale('Crowd', settings, Math.ceil(SEATS / COLUMNS), COLUMNS);
}

export default function wait({ event, performance }) {
  const me = guest();
  if (!me) return;
  const joined = ask('POST', `/events/${event}/queue`, { as: 'join', token: me, body: {} });
  joining.add(joined.timings.duration);
  if (joined.status !== 201) {
    isWrong('join', joined);
    return;
  }
  const ticket = joined.json('ticket');
  const came = Date.now();
  let place = joined.json();
  for (;;) {
    if (place.status === 'ready') {
      const pass = enter(event, me, ticket);
      if (pass) {
        buy(event, performance, me, pass);
        return;
      }
    }
    if (place.status === 'sold_out') {
      toldSoldOut.add(1);
      return;
    }
    if (Date.now() - came > WAITS_AT_MOST_MS) {
      isWrong('never told', { status: place.status, body: JSON.stringify(place) });
      return;
    }
    sleep(Math.max(place.poll_after_ms || 1000, 100) / 1000);
    const polled = ask('GET', `/events/${event}/queue`, {
      as: 'poll',
      headers: { 'Queue-Ticket': ticket },
    });
    polling.add(polled.timings.duration);
    if (polled.status !== 200) {
      isWrong('poll', polled);
      return;
    }
    const next = polled.json();
    if (place.status === 'waiting' && next.status === 'waiting' && next.ahead > place.ahead) {
      isWrong(`more ahead than before: ${place.ahead}`, polled);
    }
    place = next;
  }
}

function enter(event, token, ticket) {
  const answer = ask('POST', `/events/${event}/queue/enter`, {
    as: 'enter',
    token,
    headers: { 'Queue-Ticket': ticket },
  });
  if (answer.status === 200) return answer.json('pass');
  if (!['not_your_turn', 'turn_missed', 'sold_out'].includes(code(answer)))
    isWrong('enter', answer);
  return null;
}

function buy(event, performance, token, pass) {
  const held = ask('POST', `/performances/${performance}/reservations`, {
    as: 'hold',
    token,
    headers: { 'Queue-Pass': pass },
    body: { best_available: { quantity: 1 } },
  });
  if (held.status !== 201) {
    if (code(held) === 'sold_out') toldSoldOut.add(1);
    else isWrong('hold', held);
    return;
  }
  const pay = { payment: { method: 'simulated' }, buyer: { name: 'Kim Min-ji' } };
  const path = `/reservations/${held.json('id')}/confirm`;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const paid = ask('POST', path, { as: 'confirm', token, body: pay });
    if (paid.status === 201) {
      bought.add(1);
      return;
    }
    if (code(paid) !== 'payment_declined' || attempt === ATTEMPTS) {
      isWrong('confirm', paid);
      return;
    }
  }
}

export function teardown(sale) {
  const stats = books(sale);
  if (stats && stats.sold !== stats.capacity)
    isWrong('not sold out', { status: stats.sold, body: JSON.stringify(stats) });
}
