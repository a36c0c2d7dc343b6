/** The browser that is there: Debian's, without anything that calls home. */
import type { LaunchOptions } from '@playwright/test';

const launchOptions: LaunchOptions = {
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

export const browserOptions = { browserName: 'chromium', launchOptions } as const;
