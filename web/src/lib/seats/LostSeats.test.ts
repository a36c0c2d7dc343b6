import { render, screen } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { flushSync } from 'svelte';
import { SvelteSet } from 'svelte/reactivity';
import { describe, expect, it, vi } from 'vitest';

import { announcer } from '$lib/layout/announcer.svelte';

import LostSeats from './LostSeats.svelte';
import { SeatingModel } from './model';
import { grid, snapshot } from './plans';
import { SeatStates } from './states.svelte';

function show(lost: number[], codes: number[], max = 4) {
  const model = new SeatingModel(grid(1, codes.length));
  const states = new SeatStates(model.count);
  states.snapshot(snapshot(codes));
  const picked = new SvelteSet<number>();
  const onreplaced = vi.fn();
  render(LostSeats, {
    model,
    states,
    lost,
    picked,
    max,
    onpick: (id) => picked.add(id),
    onreplaced,
    onclose: vi.fn(),
  });
  return { states, picked, onreplaced, user: userEvent.setup() };
}

describe('seats that somebody else got', () => {
  it('are named politely', () => {
    show([1, 2], [1, 1, 0, 0]);
    expect(screen.getByText(/A-1 and A-2 were just taken/)).toBeVisible();
    expect(announcer.text).toMatch(/A-1 and A-2 were just taken/);
  });

  it('are each offered another, taken with one press', async () => {
    const { picked, onreplaced, user } = show([1, 2], [1, 1, 0, 0]);
    const offers = screen
      .getAllByRole('button', { name: /^Take/ })
      .map((button) => button.textContent);
    expect(offers).toEqual(['Take A-3 instead (₩160,000)', 'Take A-4 instead (₩160,000)']);
    await user.click(screen.getByRole('button', { name: /A-3/ }));
    expect([...picked]).toEqual([3]);
    expect(onreplaced).toHaveBeenCalledWith(1);
  });

  it('are not offered what has gone meanwhile', () => {
    const { states } = show([1], [1, 0, 0]);
    expect(screen.getByRole('button', { name: /^Take/ })).toHaveTextContent('A-2');
    states.delta({ type: 'delta', from: 'e:1', to: 'e:2', sold: [2] });
    flushSync();
    expect(screen.getByRole('button', { name: /^Take/ })).toHaveTextContent('A-3');
    states.delta({ type: 'delta', from: 'e:2', to: 'e:3', sold: [3] });
    flushSync();
    expect(screen.queryByRole('button', { name: /^Take/ })).toBeNull();
    expect(screen.getByText(/A-1 was just taken/)).toBeVisible();
  });

  it('are not offered more than one can have', () => {
    show([1, 2], [1, 1, 0, 0], 1);
    expect(screen.getAllByRole('button', { name: /^Take/ })).toHaveLength(1);
  });
});
