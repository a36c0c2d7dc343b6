/**
 * The browser tests: Debian's Chromium against the real binary.
 *
 * Invariant: every wait has a bound, and nothing is tried a second time.
 */
import { defineConfig } from '@playwright/test';

import { browserOptions } from './support/browser.ts';

export default defineConfig({
  testDir: 'tests',
  outputDir: 'results',
  workers: 2,
  retries: 0,
  timeout: 40_000,
  globalTimeout: 1_200_000,
  forbidOnly: process.env['CI'] === 'true',
  expect: { timeout: 8_000 },
  reporter: [['list']],
  use: {
    ...browserOptions,
    actionTimeout: 8_000,
    navigationTimeout: 15_000,
    viewport: { width: 1280, height: 860 },
    locale: 'en-US',
    timezoneId: 'Asia/Seoul',
    contextOptions: { reducedMotion: 'reduce' },
    trace: 'retain-on-failure',
  },
});
