/** What every test needs: matchers of the DOM, a canvas, and the English catalogue. */
import '@testing-library/jest-dom/vitest';
import 'vitest-canvas-mock';

import { afterEach, beforeEach } from 'vitest';

import { en } from '../src/lib/messages/en';
import { language } from '../src/lib/messages/language.svelte';

beforeEach(() => {
  language.use('en', en);
});

afterEach(() => {
  localStorage.clear();
});
