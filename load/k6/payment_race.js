// A buyer who presses "pay" many times at once, under the same key and without one, pays once.
//
//   BUYERS   how many do that, one after the other on each connection [200]
//   PRESSES  how often each presses at once [6]
//   VUS      how many buyers at a time [20]
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import {
  NOTHING_WRONG,
  address,
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
const PRESSES = number('PRESSES', 6);
const VUS = Math.min(number('VUS', 20), BUYERS);
// A card that is declined is tried again, so often.
const ATTEMPTS = 8;

const paid = new Counter('orders_paid');
const paying = new Trend('confirm_ms', true);

export const options = {
  scenarios: {
    race: { executor: 'shared-iterations', vus: VUS, iterations: BUYERS, maxDuration: '10m' },
  },
  batchPerHost: PRESSES,
  thresholds: { ...NOTHING_WRONG, orders_paid: [`count==${BUYERS}`], confirm_ms: within(95, 2000) },
};

export function setup() {
  return makeSale('Payments', {}, 20, Math.ceil((BUYERS * 2) / 20) + 1);
}

export default function race({ performance }) {
  const me = guest();
  if (!me) return;
  const held = ask('POST', `/performances/${performance}/reservations`, {
    as: 'hold',
    token: me,
    body: { best_available: { quantity: 2 } },
  });
  if (held.status !== 201) {
    isWrong('hold', held);
    return;
  }
  const reservation = held.json('id');
  const orders = new Set();
  for (let attempt = 0; attempt < ATTEMPTS && orders.size === 0; attempt += 1) {
    for (const answer of press(me, reservation)) {
      paying.add(answer.timings.duration);
      if (answer.status === 201) orders.add(answer.json('id'));
      else if (!['payment_declined', 'payment_under_way', 'in_flight'].includes(code(answer)))
        isWrong('confirm', answer);
    }
  }
  const mine = ask('GET', '/me/orders', { as: 'my orders', token: me });
  const known = mine.status === 200 ? mine.json('items') : [];
  const agrees =
    known.length === 1 &&
    orders.size === 1 &&
    orders.has(known[0].id) &&
    known[0].seats.length === 2;
  if (agrees) paid.add(1);
  else isWrong(`${orders.size} orders answered, ${known.length} known`, mine);
}

// All presses at once, every other one under the same key.
function press(token, reservation) {
  const body = JSON.stringify({ payment: { method: 'simulated' }, buyer: { name: 'Kim Min-ji' } });
  const url = address(`/reservations/${reservation}/confirm`);
  const presses = Array.from({ length: PRESSES }, (_, number) => [
    'POST',
    url,
    body,
    {
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${token}`,
        ...(number % 2 === 0 ? { 'Idempotency-Key': `pay-${reservation}` } : {}),
      },
      tags: { name: 'confirm' },
    },
  ]);
  return http.batch(presses);
}

export function teardown(sale) {
  const stats = books(sale);
  if (stats && (stats.sold !== BUYERS * 2 || stats.paying !== 0)) {
    isWrong('sold in the books', { status: stats.sold, body: JSON.stringify(stats) });
  }
}
