/**
 * Takes pictures of the main pages: `npm run screenshots -- FOLDER [--docs]`. Phone and desktop, light and dark, in both
 * languages; with `--docs` only those that the documentation shows, light and in English.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folder, only] = process.argv.slice(2);
if (!folder || (only && only !== '--docs')) {
  console.error('usage: npm run screenshots -- FOLDER [--docs]');
  process.exit(2);
}
const { status } = spawnSync('npx', ['playwright', 'test', '-c', 'screenshots.config.ts'], {
  cwd: fileURLToPath(new URL('.', import.meta.url)),
  env: {
    ...process.env,
    SCREENSHOTS: resolve(process.env.INIT_CWD ?? '.', folder),
    SCREENSHOTS_OF: only ? 'docs' : 'all',
  },
  stdio: 'inherit',
});
process.exit(status ?? 1);
