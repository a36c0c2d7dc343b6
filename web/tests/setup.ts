/** What every test needs: matchers of the DOM, a canvas, the English catalogue, and an empty page. */
import '@testing-library/jest-dom/vitest';
import 'vitest-canvas-mock';

import { cleanup } from '@testing-library/svelte';
import { afterEach, beforeEach } from 'vitest';

import { en } from '../src/lib/messages/en';
import { language } from '../src/lib/messages/language.svelte';

beforeEach(() => {
  language.use('en', en);
});

afterEach(() => {
  cleanup();
  localStorage.clear();
});
