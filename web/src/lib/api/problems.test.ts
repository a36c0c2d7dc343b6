import { describe, expect, it } from 'vitest';

import { Problem, asProblem, problemOf, unanswered } from './problems';

describe('problemOf', () => {
  it('takes over code, extras and request id', () => {
    const response = new Response(null, { status: 409, headers: { 'x-request-id': 'r1' } });
    const problem = problemOf(response, {
      status: 409,
      code: 'seat_taken',
      detail: 'taken',
      unavailable: [1, 'x', 3],
    });
    expect(problem).toMatchObject({ code: 'seat_taken', status: 409, requestId: 'r1' });
    expect(problem.unavailable).toEqual([1, 3]);
  });

  it('names answers that are no problem documents after their status', () => {
    const of = (status: number, body?: unknown) =>
      problemOf(new Response(null, { status }), body).code;
    expect(of(502, '<html>')).toBe('unavailable');
    expect(of(404)).toBe('not_found');
    expect(of(418, {})).toBe('internal');
  });
});

describe('Problem', () => {
  it('knows when the outcome is open', () => {
    const undecided = (status: number, code: string) => new Problem({ status, code }).undecided;
    expect(unanswered(new Error('x')).undecided).toBe(true);
    expect(undecided(503, 'unavailable')).toBe(true);
    expect(undecided(409, 'in_flight')).toBe(true);
    expect(undecided(409, 'seat_taken')).toBe(false);
    expect(undecided(402, 'payment_declined')).toBe(false);
  });

  it('names a field only of a validation', () => {
    const field = (code: string) => new Problem({ status: 400, code, field: 'buyer.name' }).field;
    expect(field('validation')).toBe('buyer.name');
    expect(field('invalid_plan')).toBeUndefined();
  });
});

describe('asProblem', () => {
  it('tells the network from a broken page', () => {
    expect(asProblem(new DOMException('late', 'TimeoutError')).code).toBe('network');
    expect(asProblem(new TypeError('x is undefined')).code).toBe('internal');
    const problem = new Problem({ status: 404, code: 'not_found' });
    expect(asProblem(problem)).toBe(problem);
  });
});
