import { beforeAll, describe, expect, it } from 'vitest';

import { Problem } from '$lib/api/problems';
import { en } from '$lib/messages/en';
import { language } from '$lib/messages/language.svelte';

import { wholeNumber } from './checks';
import { Draft } from './draft.svelte';
import { type Event, changesOf, defaults, rules, valuesOf } from './settings';

beforeAll(() => language.use('en', en));

const event: Event = {
  id: '01a200c3-15b7-79c5-83fb-bd739444c3b1',
  title: 'Winter concert',
  description: null,
  waiting_room: true,
  created_at: '2026-11-21T10:00:00Z',
  settings: {
    ...defaults,
    waiting_room: { ...defaults.waiting_room, mode: 'on', opens_at: '2026-12-01T10:00:00.250Z' },
  },
};
const draft = (of?: Event) => new Draft(rules(), valuesOf(of));

describe('what is sent of an event', () => {
  it('is what was changed and nothing else', () => {
    const form = draft(event);
    expect(form.changed).toBe(false);
    form.values.title = ' Summer concert ';
    form.values.hold_ttl_s = '420';
    form.values.max_inside = '1,000';
    form.values.opens_at = '';
    expect(changesOf(form.values, form.changes)).toEqual({
      title: 'Summer concert',
      settings: { hold_ttl_s: 420, waiting_room: { max_inside: 1_000, opens_at: null } },
    });
    form.discard();
    expect(form.changed).toBe(false);
    expect(changesOf(form.values, form.changes)).toEqual({});
  });

  it('has nothing of a room that is switched off', () => {
    const form = draft(event);
    form.values.max_inside = 'many';
    form.values.mode = 'off';
    expect(form.check()).toBe(true);
    expect(changesOf(form.values, form.changes)).toEqual({
      settings: { waiting_room: { mode: 'off' } },
    });
  });

  it('takes a description away', () => {
    const form = draft({ ...event, description: 'Snow' });
    form.values.description = ' ';
    expect(changesOf(form.values, form.changes)).toEqual({ description: null });
  });
});

describe('what is wrong with it', () => {
  it('is said at the field, in words of its limits', () => {
    const form = draft();
    form.values.mode = 'on';
    form.values.hold_ttl_s = '5';
    form.values.proof_of_work_bits = '25';
    form.values.inside_for_s = '';
    expect(form.check()).toBe(false);
    expect(form.errors).toMatchObject({
      title: 'Title: please fill this in.',
      hold_ttl_s: 'It must be from 10 seconds to 60 minutes.',
      proof_of_work_bits: 'Write a whole number from 0 to 24.',
    });
    expect(form.errors.inside_for_s).toContain('please fill this in');
    expect(form.count).toBe(4);
  });

  it('is said when a field is left, unless it is still empty', () => {
    const form = draft();
    form.left('title');
    expect(form.count).toBe(0);
    form.values.max_extensions = '1000';
    form.left('max_extensions');
    expect(form.errors.max_extensions).toBe('Write a whole number from 0 to 100.');
    form.values.max_extensions = '2';
    form.left('max_extensions');
    expect(form.count).toBe(0);
    form.values.hold_ttl_s = '7';
    form.left('hold_ttl_s--seconds');
    expect(form.errors.hold_ttl_s).toBeDefined();
    form.left('something else');
  });

  it('is what the server says, at the field that it names', () => {
    const form = draft(event);
    const refused = (field: string) =>
      new Problem({
        status: 400,
        code: 'validation',
        field,
        detail: `${field}: is 0; allowed is 1`,
      });
    expect(form.refuse(refused('settings.waiting_room.max_inside'))).toBe(true);
    expect(form.errors.max_inside).toBe('The server does not accept this: is 0; allowed is 1');
    expect(form.refuse(refused('settings'))).toBe(false);
  });
});

it.each([
  ['12', 12],
  [' 1,000 ', 1_000],
  ['1 000 000', 1_000_000],
  ['1,00', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['', undefined],
])('the number in %j', (text, expected) => {
  expect(wholeNumber(text)).toBe(expected);
});
