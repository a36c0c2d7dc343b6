import { fireEvent, render, screen, waitFor } from '@testing-library/svelte';
import { flushSync } from 'svelte';
import { SvelteSet } from 'svelte/reactivity';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { announcer } from '$lib/layout/announcer.svelte';

import SeatMap from './SeatMap.svelte';
import { SeatFilter } from './choosing.svelte';
import { type Plan, SeatingModel } from './model';
import { grid, snapshot } from './plans';
import { SeatStates } from './states.svelte';

beforeEach(() => {
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(360);
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(400);
});

function show(plan: Plan, taken: readonly number[] = [], max = 4) {
  const model = new SeatingModel(plan);
  const states = new SeatStates(model.count);
  states.snapshot(snapshot(model.ids().map((id) => (taken.includes(id) ? 1 : 0))));
  const picked = new SvelteSet<number>();
  render(SeatMap, {
    model,
    states,
    filter: new SeatFilter(model),
    picked,
    mine: new Set<number>(),
    max,
    onpick: (id) => picked.add(id),
    onunpick: (id) => picked.delete(id),
  });
  return { model, states, picked };
}

const canvas = () => screen.getByRole('img');
const transform = () => (canvas().dataset['transform'] ?? '').split(',').map(Number);

async function settle(model: SeatingModel) {
  const observed = canvas();
  await waitFor(() => expect(observed).toHaveAttribute('data-ready'));
  return model;
}

/** Presses where a seat is drawn. */
async function press(model: SeatingModel, id: number, pointerType: string) {
  const [x = 0, y = 0, k = 1] = transform();
  const seat = model.seat(id);
  const at = { clientX: (seat?.x ?? 0) * k + x, clientY: (seat?.y ?? 0) * k + y };
  await fireEvent.pointerDown(canvas(), { ...at, pointerType });
  await fireEvent.click(canvas(), at);
}

describe('the seat map', () => {
  it('says what it is, and says where it is', async () => {
    const { model } = show(grid(3, 3), [1]);
    await settle(model);
    expect(canvas()).toHaveAccessibleName(/Map of 9 seats, 8 of them free/);
    const [x = NaN, y = NaN, k = NaN] = transform();
    expect(10 * k + x).toBeCloseTo(180);
    expect(10 * k + y).toBeCloseTo(200);
  });

  it('picks the seat that is pressed, and puts it back', async () => {
    const { model, picked } = show(grid(3, 3));
    await settle(model);
    await press(model, 5, 'mouse');
    expect([...picked]).toEqual([5]);
    await press(model, 5, 'mouse');
    expect([...picked]).toEqual([]);
  });

  it('says why a seat cannot be had', async () => {
    const { model, picked } = show(grid(3, 3), [5]);
    await settle(model);
    await press(model, 5, 'touch');
    expect([...picked]).toEqual([]);
    expect(announcer.text).toMatch(/B-2: Somebody else is holding it/);
  });

  it('picks no more than may be had', async () => {
    const { model, picked } = show(grid(3, 3), [], 1);
    await settle(model);
    await press(model, 1, 'mouse');
    await press(model, 2, 'mouse');
    expect([...picked]).toEqual([1]);
  });

  it('brings seats to 44 px at the first touch, and picks at the second', async () => {
    const { model, picked } = show(grid(40, 40));
    await settle(model);
    expect((transform()[2] ?? 0) * model.pitch).toBeLessThan(44);
    await press(model, 500, 'touch');
    expect([...picked]).toEqual([]);
    await waitFor(() => expect((transform()[2] ?? 0) * model.pitch).toBeCloseTo(44), {
      timeout: 3000,
    });
    await press(model, 500, 'touch');
    expect([...picked]).toEqual([500]);
  });

  it('stays where it is while others buy', async () => {
    const { model, states } = show(grid(3, 3));
    await settle(model);
    const before = transform();
    states.delta({ type: 'delta', from: 'e:1', to: 'e:2', held: [1, 2], sold: [3] });
    flushSync();
    await waitFor(() => expect(canvas()).toHaveAccessibleName(/6 of them free/));
    expect(transform()).toEqual(before);
  });

  it('is moved by keys', async () => {
    const { model } = show(grid(40, 40));
    await settle(model);
    const [, , fit = 0] = transform();
    await fireEvent.keyDown(canvas(), { key: '+' });
    await waitFor(() => expect(transform()[2]).toBeCloseTo(fit * 1.8), { timeout: 3000 });
    await fireEvent.keyDown(canvas(), { key: '0' });
    await waitFor(() => expect(transform()[2]).toBeCloseTo(fit), { timeout: 3000 });
  });
});
