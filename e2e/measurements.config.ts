/** Figures instead of tests; see measure-map.mjs. One at a time, or they would measure each other. */
import { defineConfig } from '@playwright/test';

import tests from './playwright.config.ts';

export default defineConfig(tests, { testDir: 'measurements', timeout: 180_000, workers: 1 });
