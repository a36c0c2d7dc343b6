import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { Problem } from '$lib/api/problems';
import type { Event } from '$lib/events/catalogue';
import type { Performance } from '$lib/events/sale';
import { announcer } from '$lib/layout/announcer.svelte';

import Returns from './Returns.svelte';
import type { OnOffer, Wish, WishCalls, WishToPut } from './wishes';

const event = { id: 'e', title: 'Recital', settings: { max_seats_per_buyer: 4 } } as Event;
const price = { amount: 1_000, currency: 'KRW' };

const wished: Wish = {
  performance_id: 'p',
  quantity: 2,
  category: null,
  area_id: null,
  together: true,
  position: 7,
  status: 'waiting',
  offer: null,
};

let there: Wish | undefined;
const put = vi.fn<(wish: WishToPut) => void>();
const withdrawn = vi.fn();

const calls: WishCalls & OnOffer = {
  dates: () => Promise.resolve([{ id: 'p', starts_at: '2030-12-24T20:00:00Z' } as Performance]),
  plan: () =>
    Promise.resolve({
      categories: [
        { name: 'Stalls', color: '#000', price },
        { name: 'Circle', color: '#111', price },
      ],
      areas: [{ id: 3, label: 'Pit', capacity: 10, price }],
    }),
  read: () =>
    there
      ? Promise.resolve(there)
      : Promise.reject(new Problem({ status: 404, code: 'not_found' })),
  put: (_event, _ticket, wish) => {
    put(wish);
    there = { ...wished, quantity: wish.quantity, category: wish.category ?? null };
    return Promise.resolve(there);
  },
  withdraw: () => {
    withdrawn();
    return Promise.resolve();
  },
};

function show(open = true) {
  const onoffer = vi.fn();
  render(Returns, { event, ticket: 't', performance: undefined, open, onoffer, calls });
  return { user: userEvent.setup(), onoffer };
}

beforeEach(() => {
  there = undefined;
  put.mockClear();
  withdrawn.mockClear();
});

describe('what comes back', () => {
  it('is wished for with a few choices, and taken back', async () => {
    const { user } = show();
    const kind = await screen.findByLabelText('What');
    const choices = within(kind)
      .getAllByRole('option')
      .map((option) => option.textContent);
    expect(choices).toEqual(['Anything', 'Stalls', 'Circle', 'Pit']);
    await user.selectOptions(kind, 'Circle');
    await user.click(screen.getByRole('button', { name: /more/i }));
    await user.click(screen.getByRole('button', { name: 'Hold it for me' }));
    expect(put.mock.calls[0]?.[0]).toMatchObject({
      performance_id: 'p',
      quantity: 2,
      category: 'Circle',
      area_id: null,
      together: true,
      email: null,
    });
    expect(await screen.findByRole('status')).toHaveTextContent(
      'We will hold it for you: 2 seats or places, Circle, side by side.',
    );
    await user.click(screen.getByRole('button', { name: 'I want nothing any more' }));
    expect(withdrawn).toHaveBeenCalledOnce();
    expect(await screen.findByText('Nothing is being held for you.')).toBeVisible();
  });

  it('is shown and said when it is held, with the way to pay', async () => {
    there = {
      ...wished,
      status: 'offered',
      offer: { reservation_id: 'r', performance_id: 'p', expires_at: '2999-01-01T00:00:00Z' },
    };
    const { onoffer } = show(false);
    const link = await screen.findByRole('link', { name: 'To payment' });
    expect(link).toHaveAttribute('href', '#/reservations/r');
    expect(screen.getByRole('timer')).toBeVisible();
    expect(onoffer).toHaveBeenCalledOnce();
    expect(announcer.text).toMatch(/Something came back: it is held for you/);
  });

  it('is not asked about while something is free', async () => {
    show(false);
    await new Promise((resolve) => setTimeout(resolve));
    expect(screen.queryByText('If something comes back')).toBeNull();
    expect(screen.queryByRole('button')).toBeNull();
  });
});
