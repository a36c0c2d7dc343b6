import { describe, expect, it, vi } from 'vitest';

import { Problem } from '$lib/api/problems';

import { Payment, type PaymentParts } from './payment.svelte';
import type { ActionNeeded, Confirm, Confirmed, Reservation } from './reservations';

const body = { payment: { method: 'stripe' }, buyer: { name: 'Kim' } } as Confirm;
const action = { order_id: 'o', status: 'requires_action', client_secret: 's' } as ActionNeeded;
const paid = { paid: { id: 'o' } } as Confirmed;
const refused = new Problem({ status: 402, code: 'payment_declined', said: 'no' });

function parts(over: Partial<PaymentParts> = {}) {
  return {
    confirm: vi.fn(async (): Promise<Confirmed> => paid),
    resume: vi.fn(async (): Promise<Confirmed | undefined> => paid),
    act: vi.fn(async (): Promise<Problem | undefined> => undefined),
    read: vi.fn(async () => ({ status: 'held' }) as Reservation),
    sleep: vi.fn(async () => undefined),
    onpaid: vi.fn(),
    onread: vi.fn(),
    ...over,
  };
}

describe('a payment', () => {
  it('asks the server for nothing while the card form has something to say', async () => {
    const outside = parts();
    const payment = new Payment('r', outside);
    await payment.pay(() => Promise.reject(refused));
    expect(payment.problem).toBe(refused);
    expect(payment.stage).toBe('ready');
    expect(outside.confirm).not.toHaveBeenCalled();
  });

  it('goes to the bank and asks afterwards what came of it', async () => {
    const outside = parts({ confirm: vi.fn(async () => ({ action })) });
    await new Payment('r', outside).pay(() => body);
    expect(outside.act).toHaveBeenCalledWith(action);
    expect(outside.resume).toHaveBeenCalledTimes(1);
    expect(outside.onpaid).toHaveBeenCalledWith('o');
  });

  it('says what the bank has said when it is over, and can be tried again', async () => {
    const outside = parts({
      confirm: vi.fn(async () => ({ action })),
      act: vi.fn(async () => refused),
      resume: vi.fn(async () => undefined),
    });
    const payment = new Payment('r', outside);
    await payment.pay(() => body);
    expect(payment.problem).toBe(refused);
    expect([payment.stage, payment.action]).toEqual(['ready', undefined]);
  });

  it('stays with the bank where that could not be shown, until the reservation says more', async () => {
    const unreachable = new Problem({ status: 0, code: 'card_form_unavailable' });
    const statuses = ['paying', 'paying', 'confirmed'];
    const stages: string[] = [];
    const payment = new Payment('r', {
      ...parts({
        confirm: vi.fn(async () => ({ action })),
        act: vi.fn(async () => unreachable),
        resume: vi.fn(async () => ({ action })),
      }),
      read: async () => ({ status: statuses.shift(), order_id: 'o' }) as Reservation,
      sleep: async () => void stages.push(payment.stage),
      onpaid: (order) => stages.push(order),
    });
    await payment.pay(() => body);
    expect(payment.problem).toBe(unreachable);
    expect(stages).toEqual(['action', 'action', 'o']);
  });

  it('takes up what was begun before the page was loaded', async () => {
    const nothing = parts({ resume: vi.fn(async () => undefined) });
    const ended = new Payment('r', nothing);
    await ended.settle();
    expect([ended.stage, ended.problem?.code]).toEqual(['ready', 'payment_declined']);
    const through = parts();
    await new Payment('r', through).settle();
    expect(through.onpaid).toHaveBeenCalledWith('o');
  });

  it('follows the reservation while somebody else is at it', async () => {
    const underWay = new Problem({ status: 409, code: 'payment_under_way' });
    const outside = parts({
      resume: vi.fn(() => Promise.reject(underWay)),
      read: vi.fn(async () => ({ status: 'confirmed', order_id: 'o' }) as Reservation),
    });
    await new Payment('r', outside).settle();
    expect(outside.onpaid).toHaveBeenCalledWith('o');
  });
});
