import { afterEach, expect, it, vi } from 'vitest';

import { left } from './left';

afterEach(() => vi.useRealTimers());

it('tells which field was left, but not under a click that is on its way', () => {
  vi.useFakeTimers();
  const form = document.createElement('form');
  const input = document.createElement('input');
  input.id = 'title';
  form.append(input);
  document.body.append(form);
  const tell = vi.fn();
  const action = left(form, tell);
  const leave = () => input.dispatchEvent(new FocusEvent('focusout', { bubbles: true }));
  leave();
  expect(tell.mock.calls).toEqual([['title']]);
  dispatchEvent(new Event('pointerdown'));
  leave();
  expect(tell).toHaveBeenCalledTimes(1);
  dispatchEvent(new Event('pointerup'));
  expect(tell).toHaveBeenCalledTimes(1);
  vi.runAllTimers();
  expect(tell).toHaveBeenCalledTimes(2);
  action.destroy();
  leave();
  expect(tell).toHaveBeenCalledTimes(2);
});
