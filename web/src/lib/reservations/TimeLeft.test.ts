import { render, screen } from '@testing-library/svelte';
import { flushSync } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { announcer } from '$lib/layout/announcer.svelte';
import { serverClock } from '$lib/time/server-clock';

import TimeLeft from './TimeLeft.svelte';

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-05-01T12:00:00Z') });
  vi.spyOn(serverClock, 'now').mockImplementation(() => Date.now());
});
afterEach(() => void vi.useRealTimers());

/** Everything that is announced while so many seconds pass. */
function pass(seconds: number): string[] {
  const said: string[] = [];
  for (let tick = 0; tick < seconds * 4; tick += 1) {
    const before = announcer.text;
    vi.advanceTimersByTime(250);
    flushSync();
    if (announcer.text !== before) said.push(announcer.text.trim());
  }
  return said;
}

function show(seconds: number, extensionsLeft = 0) {
  const onend = vi.fn();
  const until = new Date(Date.now() + seconds * 1000).toISOString();
  render(TimeLeft, { until, extensionsLeft, extending: false, onextend: vi.fn(), onend });
  return { onend };
}

describe('the time left to pay', () => {
  it('is said four times on the way down, and not every second', () => {
    const { onend } = show(180);
    expect(pass(179)).toEqual([
      '2 minutes left to pay.',
      '1 minute left to pay.',
      '30 seconds left to pay.',
      '10 seconds left to pay.',
    ]);
    expect(screen.getByRole('timer')).toHaveAttribute('aria-live', 'off');
    expect(onend).not.toHaveBeenCalled();
    pass(2);
    expect(onend).toHaveBeenCalledOnce();
  });

  it('is said to get short two minutes before, and looks so only in the last', () => {
    show(125);
    const box = document.querySelector('.time');
    expect(screen.getByText('The seats are yours until then.')).toBeVisible();
    pass(6);
    expect(screen.getByText('Less than two minutes left.')).toBeVisible();
    expect(box).not.toHaveClass('low');
    pass(60);
    expect(screen.getByText('Not much time left.')).toBeVisible();
    expect(box).toHaveClass('low');
  });

  it('is offered to be extended where that is allowed', () => {
    show(90, 1);
    expect(screen.getByText(/You can have more\./)).toBeVisible();
    expect(screen.getByRole('button', { name: 'More time' })).toBeEnabled();
  });

  it('is not offered more of where there is none', () => {
    show(90);
    expect(screen.queryByText(/You can have more\./)).toBeNull();
    expect(screen.queryByRole('button')).toBeNull();
  });
});
