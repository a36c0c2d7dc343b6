/**
 * Measures how long the seat map takes for a frame while 20,000 seats are zoomed: `npm run measure:map`. Prints, for a
 * desktop and for a phone whose processor is four times slower, what the page's own code takes for a frame, what putting
 * it on the screen takes without a graphics card, and the time between frames, in milliseconds.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const { status } = spawnSync('npx', ['playwright', 'test', '-c', 'measurements.config.ts'], {
  cwd: fileURLToPath(new URL('.', import.meta.url)),
  stdio: 'inherit',
});
process.exit(status ?? 1);
