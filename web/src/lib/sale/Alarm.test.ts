import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import Alarm from './Alarm.svelte';
import type { Drift } from './stock';

let sections = 0;
const drift = (label: string | undefined, by: number): Drift => ({
  performance: 'p',
  section: label === undefined ? undefined : (sections += 1),
  starts_at: '2030-12-24T20:00:00Z',
  label,
  drift: by,
});

describe('the alarm', () => {
  it('is there and silent while everything adds up', () => {
    render(Alarm, { drifts: [], many: false });
    expect(screen.getByRole('alert')).toBeEmptyDOMElement();
  });

  it('comes into what was there, and says in words where and how much', async () => {
    const { rerender } = render(Alarm, { drifts: [], many: false });
    const alert = screen.getByRole('alert');
    await rerender({ drifts: [drift('Balcony', 1), drift('Stalls', -2)] });
    expect(screen.getByRole('alert')).toBe(alert);
    expect(alert).toHaveTextContent('the figures do not add up');
    const lines = within(alert).getAllByRole('listitem');
    expect(lines.map(({ textContent }) => textContent.trim())).toEqual([
      'Balcony: 1 missing',
      'Stalls: 2 counted twice',
    ]);
    await rerender({ drifts: [] });
    expect(alert).toBeEmptyDOMElement();
  });

  it('names the date where there are several, where the section has no name, and where it is all of it', () => {
    render(Alarm, { drifts: [drift('Balcony', 1), drift('', 1), drift(undefined, 1)], many: true });
    const [named, unnamed, whole] = screen.getAllByRole('listitem');
    expect(named).toHaveTextContent(/^Balcony · .*Dec 2[45], 2030/);
    expect(unnamed).toHaveTextContent(/^Without a name · /);
    expect(whole).toHaveTextContent(/^\w+, Dec 2[45], 2030.*: 1 missing$/);
  });

  it('counts what it does not name', () => {
    const drifts = Array.from({ length: 9 }, (_, index) => drift(`Block ${index}`, 1));
    render(Alarm, { drifts, many: false });
    expect(screen.getByRole('alert')).toHaveTextContent('and 3 more');
  });

  it('keeps what is over until it was seen', async () => {
    const onforget = vi.fn();
    const past = [
      { drift: drift('Balcony', 1), from: '2030-12-24T20:00:00Z', to: '2030-12-24T20:00:09Z' },
    ];
    render(Alarm, { drifts: [], past, many: false, onforget });
    expect(screen.getByRole('alert')).toBeEmptyDOMElement();
    expect(screen.getByText(/Balcony: 1 missing, from .*:00 .*to .*:09/)).toBeVisible();
    await userEvent.setup().click(screen.getByRole('button', { name: 'I have seen it' }));
    expect(onforget).toHaveBeenCalledOnce();
  });
});
