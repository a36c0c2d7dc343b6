// Many want the same seats at the same moment: each seat goes to exactly one of its rivals, and the others are told so.
//
//   SEATS   how many seats are fought for, at most 50 [40]
//   RIVALS  how many want each of them, at once [50]
import exec from 'k6/execution';
import { Counter, Trend } from 'k6/metrics';
import * as onsale from './lib/onsale.js';

const SEATS = Math.min(onsale.number('SEATS', 40), 50);
const RIVALS = onsale.number('RIVALS', 50);

const won = new Counter('seats_won');
const lost = new Counter('seats_lost');
const holding = new Trend('hold_ms', true);

export const options = onsale.plays(
  { executor: 'shared-iterations', vus: RIVALS, iterations: SEATS * RIVALS },
  {
    seats_won: [`count==${SEATS}`],
    seats_lost: [`count==${SEATS * (RIVALS - 1)}`],
    hold_ms: onsale.within(95, 1000),
  },
);

export function setup() {
  return onsale.makeSale('Collisions', { max_seats_per_buyer: 50 }, 5, Math.ceil(SEATS / 5));
}

let me = null;

export default function collide({ performance }) {
  me = me || onsale.guest();
  if (!me) return;
  // Those who want the same seat come one after the other, and so at once.
  const seat = Math.floor(exec.scenario.iterationInTest / RIVALS) + 1;
  const answer = onsale.hold(performance, me, { seat_ids: [seat] });
  holding.add(answer.timings.duration);
  if (answer.status === 201) won.add(1);
  else if (onsale.code(answer) === 'seat_taken' && answer.json('unavailable').includes(seat))
    lost.add(1);
  else onsale.isWrong('hold', answer);
}

export function teardown(sale) {
  onsale.closeBooks(sale, () => ({ held: SEATS }));
}
