// How long it takes until a seat that somebody has taken shows as taken on the screens of others: from sending the hold to
// the frame that says so, on a connection that says nothing of who watches.
//
//   VIEWERS          how many watch, each by a WebSocket [50]
//   CHANGES          how many holds each viewer waits for, at most 50 [20]
//   SEEN_WITHIN_MS   what half of them may take at most [250]
import { WebSocket } from 'k6/experimental/websockets';
import { setTimeout, clearTimeout } from 'k6/timers';
import { Counter, Trend } from 'k6/metrics';
import exec from 'k6/execution';
import * as onsale from './lib/onsale.js';

const VIEWERS = onsale.number('VIEWERS', 50);
const CHANGES = Math.min(onsale.number('CHANGES', 20), 50);
const SEEN_WITHIN_MS = onsale.number('SEEN_WITHIN_MS', 250);
const COLUMNS = 50;
const GIVES_UP_AFTER_MS = 10_000;

const seen = new Trend('seat_change_seen_ms', true);
const changes = new Counter('seat_changes_seen');

export const options = onsale.plays(
  { executor: 'per-vu-iterations', vus: VIEWERS, iterations: 1 },
  {
    seat_changes_seen: [`count==${VIEWERS * CHANGES}`],
    seat_change_seen_ms: onsale.within(50, SEEN_WITHIN_MS),
  },
);

export function setup() {
  return onsale.makeSale(
    'Live',
    { max_seats_per_buyer: 50, hold_ttl_s: 600 },
    Math.ceil((VIEWERS * CHANGES) / COLUMNS),
    COLUMNS,
  );
}

export default function watch({ performance }) {
  const me = onsale.guest();
  if (!me) return;
  const socket = new WebSocket(onsale.liveAddress(performance));
  let number = 0;
  let sent = null;
  let late = null;

  const end = () => {
    clearTimeout(late);
    socket.close();
  };
  const takeNext = async () => {
    if (number === CHANGES) {
      end();
      return;
    }
    // A seat that nobody else wants.
    const seat = exec.vu.idInTest * CHANGES - CHANGES + number + 1;
    number += 1;
    sent = { seat, at: Date.now() };
    late = setTimeout(() => {
      onsale.isWrong(`seat ${seat} was not shown as taken`, { status: 0, body: '' });
      end();
    }, GIVES_UP_AFTER_MS);
    const held = await onsale.hold(performance, me, { seat_ids: [seat] }, { by: onsale.askAsync });
    if (held.status !== 201) {
      onsale.isWrong('hold', held);
      end();
    }
  };

  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === 'snapshot' && !sent) takeNext();
    if (frame.type === 'delta' && sent && frame.held.includes(sent.seat)) {
      clearTimeout(late);
      seen.add(Date.now() - sent.at);
      changes.add(1);
      takeNext();
    }
  };
  socket.onerror = (error) => {
    onsale.isWrong('socket', { status: 0, body: error.error });
    end();
  };
}

export function teardown(sale) {
  onsale.closeBooks(sale);
}
