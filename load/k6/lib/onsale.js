// What every script needs: who asks, how, and what counts as wrong.
//
// Settings, all by environment:
//   BASE_URL          where onsale is [http://localhost:8080]
//   ORGANIZER_TOKEN   an organizer's access token, or
//   ORGANIZER_EMAIL and ORGANIZER_PASSWORD to log in with
// None begins with ONSALE_: onsale, started from the same shell, would refuse it as a setting that it does not know.
import http from 'k6/http';
import { fail } from 'k6';
import { Counter } from 'k6/metrics';

const API = `${(__ENV.BASE_URL || 'http://localhost:8080').replace(/\/+$/, '')}/api/v1`;

// Whatever must not be, with `what` as its tag. Each script has the threshold that there is none of it.
export const wrong = new Counter('wrong');
const NOTHING_WRONG = { wrong: ['count==0'], http_req_failed: ['rate==0'] };

// The options of a script: what its users do, and what it has to keep to beside having nothing wrong.
export function plays(scenario, thresholds) {
  return {
    scenarios: { sale: { maxDuration: '10m', ...scenario } },
    thresholds: { ...NOTHING_WRONG, ...thresholds },
  };
}

// A threshold in milliseconds. PATIENCE makes all of them so many times longer, for machines that do something else as well.
export function within(percentile, milliseconds) {
  return [`p(${percentile})<${milliseconds * number('PATIENCE', 1)}`];
}

// Refusals that belong to a sale; everything else, such as any 5xx, is a failed request.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 299 }, 402, 409, 410, 425));

// A whole number from the environment, at least 1.
export function number(name, otherwise) {
  const given = __ENV[name];
  if (given === undefined || given === '') return otherwise;
  if (!/^[1-9][0-9]{0,8}$/.test(given)) fail(`${name} is a whole number from 1, not "${given}"`);
  return Number(given);
}

// A request of the interface; `as` names its kind in the results, so that ids do not make a series each.
export function ask(method, path, { body, ...how } = {}) {
  return http.request(method, address(path), written(body), params(method, path, body, how));
}

// The same for the event loop; gives a promise.
export function askAsync(method, path, { body, ...how } = {}) {
  return http.asyncRequest(method, address(path), written(body), params(method, path, body, how));
}

// The same for `http.batch`.
export function asked(method, path, { body, ...how } = {}) {
  return [method, address(path), written(body), params(method, path, body, how)];
}

function address(path) {
  return API + path;
}

function written(body) {
  return body === undefined ? null : JSON.stringify(body);
}

function params(method, path, body, { as, token, key, headers }) {
  return {
    headers: {
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(key ? { 'Idempotency-Key': key } : {}),
      ...headers,
    },
    tags: { name: as || `${method} ${path}` },
  };
}

// A wish for units, by whichever function asks.
export function hold(performance, token, body, { by = ask, headers } = {}) {
  return by('POST', `/performances/${performance}/reservations`, {
    as: 'hold',
    token,
    headers,
    body,
  });
}

// What a buyer pays with.
export const PAYMENT = { payment: { method: 'simulated' }, buyer: { name: 'Kim Min-ji' } };

// The reason code of a refusal; empty where there is none.
export function code(response) {
  try {
    return response.json('code') || '';
  } catch (_) {
    return '';
  }
}

// Notes an answer that must not be.
export function isWrong(what, response) {
  wrong.add(1, { what });
  console.error(`${what}: ${response.status} ${String(response.body).slice(0, 300)}`);
}

// Somebody new; gives their token, or null where that was refused.
export function guest() {
  const answer = ask('POST', '/auth/guest', { as: 'guest', body: {} });
  if (answer.status === 201) return answer.json('access_token');
  isWrong('guest', answer);
  return null;
}

export function liveAddress(performance) {
  return `${API.replace(/^http/, 'ws')}/performances/${performance}/live`;
}

// For `setup`: an event of its own with one performance of `rows` × `columns` seats.
export function makeSale(title, settings, rows, columns) {
  const organizer = logIn();
  const event = made(ask('POST', '/events', { token: organizer, body: { title, settings } }));
  const performance = made(
    ask('POST', `/events/${event}/performances`, {
      as: 'performance',
      token: organizer,
      body: {
        starts_at: new Date(Date.now() + 30 * 24 * 3600 * 1000).toISOString(),
        plan: { rows, columns },
        prices: { standard: { amount: 1000, currency: 'KRW' } },
      },
    }),
  );
  return { organizer, event, performance };
}

// For `teardown`: the books of a sale have to be in order, and to say what `wanted` says of them.
export function closeBooks({ organizer, performance }, wanted = () => ({})) {
  const answer = ask('GET', `/performances/${performance}/stats`, {
    as: 'stats',
    token: organizer,
  });
  if (answer.status !== 200) {
    isWrong('stats', answer);
    return;
  }
  const stats = answer.json();
  for (const [figure, value] of Object.entries({ drift: 0, ...wanted(stats) })) {
    if (stats[figure] !== value) isWrong(`${figure} in the books is not ${value}`, answer);
  }
}

function logIn() {
  const { ORGANIZER_TOKEN, ORGANIZER_EMAIL, ORGANIZER_PASSWORD } = __ENV;
  if (ORGANIZER_TOKEN) return ORGANIZER_TOKEN;
  if (!ORGANIZER_EMAIL || !ORGANIZER_PASSWORD) {
    fail('an organizer is needed: ORGANIZER_TOKEN, or ORGANIZER_EMAIL and ORGANIZER_PASSWORD');
  }
  const body = { email: ORGANIZER_EMAIL, password: ORGANIZER_PASSWORD };
  const answer = ask('POST', '/auth/login', { as: 'login', body });
  if (answer.status !== 200) fail(`the organizer cannot log in: ${answer.status} ${answer.body}`);
  return answer.json('access_token');
}

function made(answer) {
  if (answer.status !== 201) fail(`not made: ${answer.status} ${answer.body}`);
  return answer.json('id');
}
