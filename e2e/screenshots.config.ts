/** Pictures instead of tests; see screenshots.mjs. */
import { defineConfig } from '@playwright/test';

import tests from './playwright.config.ts';

export default defineConfig(tests, { testDir: 'screenshots', timeout: 120_000 });
