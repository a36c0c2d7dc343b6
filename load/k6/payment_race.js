// A buyer who presses "pay" many times at once, under the same key and without one, pays once.
//
//   BUYERS   how many do that, one after the other on each connection [200]
//   PRESSES  how often each presses at once [6]
//   VUS      how many buyers at a time [20]
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import * as onsale from './lib/onsale.js';

const BUYERS = onsale.number('BUYERS', 200);
const PRESSES = onsale.number('PRESSES', 6);
const VUS = Math.min(onsale.number('VUS', 20), BUYERS);
// A card that is declined is tried again, so often.
const ATTEMPTS = 8;

const paid = new Counter('orders_paid');
const paying = new Trend('confirm_ms', true);

export const options = {
  ...onsale.plays(
    { executor: 'shared-iterations', vus: VUS, iterations: BUYERS },
    { orders_paid: [`count==${BUYERS}`], confirm_ms: onsale.within(95, 2000) },
  ),
  batchPerHost: PRESSES,
};

export function setup() {
  return onsale.makeSale('Payments', {}, 20, Math.ceil((BUYERS * 2) / 20) + 1);
}

export default function race({ performance }) {
  const me = onsale.guest();
  if (!me) return;
  const held = onsale.hold(performance, me, { best_available: { quantity: 2 } });
  if (held.status !== 201) {
    onsale.isWrong('hold', held);
    return;
  }
  const reservation = held.json('id');
  const orders = new Set();
  for (let attempt = 0; attempt < ATTEMPTS && orders.size === 0; attempt += 1) {
    for (const answer of press(me, reservation)) {
      paying.add(answer.timings.duration);
      if (answer.status === 201) orders.add(answer.json('id'));
      else if (
        !['payment_declined', 'payment_under_way', 'in_flight'].includes(onsale.code(answer))
      )
        onsale.isWrong('confirm', answer);
    }
  }
  const mine = onsale.ask('GET', '/me/orders', { as: 'my orders', token: me });
  const known = mine.status === 200 ? mine.json('items') : [];
  const agrees =
    known.length === 1 &&
    orders.size === 1 &&
    orders.has(known[0].id) &&
    known[0].seats.length === 2;
  if (agrees) paid.add(1);
  else onsale.isWrong(`${orders.size} orders answered, ${known.length} known`, mine);
}

// All presses at once, every other one under the same key.
function press(token, reservation) {
  const presses = Array.from({ length: PRESSES }, (_, number) =>
    onsale.asked('POST', `/reservations/${reservation}/confirm`, {
      as: 'confirm',
      token,
      key: number % 2 === 0 ? `pay-${reservation}` : null,
      body: onsale.PAYMENT,
    }),
  );
  return http.batch(presses);
}

export function teardown(sale) {
  onsale.closeBooks(sale, () => ({ sold: BUYERS * 2, paying: 0 }));
}
