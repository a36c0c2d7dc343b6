import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { flushSync } from 'svelte';
import { SvelteSet } from 'svelte/reactivity';
import { describe, expect, it } from 'vitest';

import { announcer } from '$lib/layout/announcer.svelte';

import SeatList from './SeatList.svelte';
import { SeatFilter } from './choosing.svelte';
import { SeatingModel } from './model';
import { grid, snapshot, withSpaces } from './plans';
import { SeatStates } from './states.svelte';

function show(plan = grid(2, 3), codes: readonly number[] = [0, 1, 2, 3, 0, 0], max = 2) {
  const model = new SeatingModel(plan);
  const states = new SeatStates(model.count);
  states.snapshot(snapshot(codes));
  const picked = new SvelteSet<number>();
  const mine = new SvelteSet<number>();
  render(SeatList, {
    model,
    states,
    filter: new SeatFilter(model),
    picked,
    mine,
    max,
    onpick: (id) => picked.add(id),
    onunpick: (id) => picked.delete(id),
  });
  return { model, states, picked, mine, user: userEvent.setup() };
}

const seat = (id: number) =>
  document.querySelector<HTMLElement>(`[data-seat="${id}"]`) ?? expect.fail(`no seat ${id}`);
const shownSeats = () => document.querySelectorAll('[data-seat]').length;

describe('the seat list', () => {
  it('shows a small plan whole, each seat named and with its state', () => {
    show();
    expect(shownSeats()).toBe(6);
    expect(seat(1)).toHaveAccessibleName('A-1, row A, Stalls, ₩160,000, Available');
    expect(seat(2)).toHaveAccessibleName(/Held by others$/);
    expect([1, 2, 3, 4].map((id) => seat(id).dataset['state'])).toEqual([
      'available',
      'held',
      'sold',
      'blocked',
    ]);
    expect(seat(1)).toHaveAttribute('aria-disabled', 'false');
    expect(seat(3)).toHaveAttribute('aria-disabled', 'true');
    expect(seat(3)).not.toBeDisabled();
  });

  it('keeps the seats of a large plan out of the document until a row is opened', async () => {
    const { user } = show(
      grid(10, 50, ['Stalls', 'Circle']),
      Array.from({ length: 1000 }, () => 0),
    );
    expect(shownSeats()).toBe(0);
    const section = screen.getByRole('button', { name: /^Stalls .*free/ });
    expect(section).toHaveAttribute('aria-expanded', 'false');
    await user.click(section);
    expect(section).toHaveAttribute('aria-expanded', 'true');
    expect(shownSeats()).toBe(0);
    await user.click(screen.getByRole('button', { name: /^Row B/ }));
    expect(shownSeats()).toBe(50);
    await user.click(section);
    expect(shownSeats()).toBe(0);
  });

  it('picks and puts back', async () => {
    const { user, picked } = show();
    await user.click(seat(1));
    expect([...picked]).toEqual([1]);
    expect(seat(1)).toHaveAttribute('aria-pressed', 'true');
    await user.click(seat(1));
    expect([...picked]).toEqual([]);
    expect(seat(1)).toHaveAttribute('aria-pressed', 'false');
  });

  it('says why a seat cannot be had', async () => {
    const { user, picked } = show();
    await user.click(seat(3));
    expect([...picked]).toEqual([]);
    expect(announcer.text).toMatch(/A-3: It is already sold\./);
    expect(screen.getByText('A-3: It is already sold.')).toBeVisible();
  });

  it('says so when no more can be picked', async () => {
    const { user, picked } = show(undefined, undefined, 1);
    await user.click(seat(1));
    await user.click(seat(5));
    expect([...picked]).toEqual([1]);
    expect(announcer.text).toMatch(/as many seats as you can have/);
  });

  it('has one stop for the Tab key a row, and arrows go on from there', async () => {
    const { user } = show();
    const row = screen.getByRole('group', { name: 'Row A' });
    const stops = within(row)
      .getAllByRole('button')
      .filter((button) => button.tabIndex === 0);
    expect(stops).toEqual([seat(1)]);
    seat(1).focus();
    await user.keyboard('{ArrowRight}');
    expect(seat(2)).toHaveFocus();
    expect([seat(1).tabIndex, seat(2).tabIndex]).toEqual([-1, 0]);
    await user.keyboard('{ArrowDown}');
    expect(seat(5)).toHaveFocus();
    await user.keyboard('{End}');
    expect(seat(6)).toHaveFocus();
    await user.keyboard('{Home}{ArrowUp}');
    expect(seat(1)).toHaveFocus();
  });

  it('follows the states without moving the focus', () => {
    const { states } = show();
    seat(1).focus();
    states.delta({ type: 'delta', from: 'e:1', to: 'e:2', held: [1], available: [2] });
    flushSync();
    expect(seat(1)).toHaveFocus();
    expect(seat(1)).toHaveAttribute('data-state', 'held');
    expect(seat(1)).toHaveAttribute('aria-disabled', 'true');
    expect(seat(2)).toHaveAttribute('data-state', 'available');
  });

  it('shows only what is free, but never takes a focused, picked or own seat away', async () => {
    const { states, picked, mine, user } = show();
    mine.add(3);
    await user.click(screen.getByRole('checkbox', { name: 'Only available seats' }));
    const shown = () =>
      [...document.querySelectorAll<HTMLElement>('[data-seat]')].map((each) =>
        Number(each.dataset['seat']),
      );
    expect(shown()).toEqual([1, 3, 5, 6]);
    picked.add(6);
    seat(1).focus();
    states.delta({ type: 'delta', from: 'e:1', to: 'e:2', sold: [1, 5, 6] });
    flushSync();
    expect(shown()).toEqual([1, 3, 6]);
    expect(seat(1)).toHaveFocus();
    seat(6).focus();
    flushSync();
    expect(shown()).toEqual([3, 6]);
  });

  it('filters by category', async () => {
    const { user } = show(
      grid(1, 3, ['Stalls', 'Circle']),
      Array.from({ length: 6 }, () => 0),
    );
    await user.click(screen.getByRole('button', { name: /^Circle ₩90,000/ }));
    expect(screen.queryByRole('button', { name: /^Stalls.*free/ })).toBeNull();
    await user.click(screen.getByRole('button', { name: /^Circle.*free/ }));
    expect(shownSeats()).toBe(3);
  });

  it('shows what is mine as mine', () => {
    const { mine } = show();
    mine.add(2);
    flushSync();
    expect(seat(2)).toHaveAttribute('data-state', 'mine');
    expect(seat(2)).toHaveAccessibleName(/Yours$/);
  });
});

describe('spaces for wheelchairs in the list', () => {
  const house = () => withSpaces(grid(2, 3), [4], [5]);

  it('are named with their seats and counted with their rows', () => {
    show(house(), [0, 0, 0, 0, 0, 0]);
    expect(seat(4)).toHaveAccessibleName(
      'B-1, Wheelchair space, row B, Stalls, ₩160,000, Available',
    );
    expect(seat(5)).toHaveAccessibleName(/^B-2, Companion seat,/);
    expect(screen.getByRole('button', { name: /^Row B/ })).toHaveTextContent(
      '1 wheelchair space free',
    );
    expect(screen.getByRole('button', { name: /^Row A/ })).not.toHaveTextContent('wheelchair');
  });

  it('can be all that is shown', async () => {
    const { user } = show(
      withSpaces(grid(4, 20), [30], [31]),
      Array.from({ length: 80 }, () => 0),
    );
    expect(screen.getAllByRole('button', { name: /^Row/ })).toHaveLength(4);
    await user.click(screen.getByRole('button', { name: 'Wheelchair spaces' }));
    const rows = screen.getAllByRole('button', { name: /^Row/ });
    expect(rows.map((row) => row.textContent)).toEqual([expect.stringContaining('Row B')]);
    await user.click(screen.getByRole('button', { name: /^Row B/ }));
    expect(shownSeats()).toBe(2);
  });

  it('are not offered to look for where there are none', () => {
    show();
    expect(screen.queryByRole('button', { name: 'Wheelchair spaces' })).toBeNull();
  });
});
