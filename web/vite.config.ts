import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const server = process.env['ONSALE_URL'] ?? 'http://127.0.0.1:8080';
const proxy = {
  '/api': { target: server, ws: true },
  '/health': { target: server },
  '/openapi.json': { target: server },
  '/wait': { target: server },
};

/**
 * Browsers keep the server's files for good, so addresses have to tell versions apart. Files in `public` keep their
 * names, which others know them by; the page asks for them with their content's hash.
 */
function versioned(): Plugin {
  const versionOf = (name: string) => {
    const file = fileURLToPath(new URL(`./public/${name}`, import.meta.url));
    return createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 8);
  };
  return {
    name: 'versioned',
    transformIndexHtml: {
      order: 'post',
      handler: (html) =>
        html.replace(
          /href="\/([\w-]+\.(?:svg|png|webmanifest))"/g,
          (_, name: string) => `href="/${name}?${versionOf(name)}"`,
        ),
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), versioned()],
  resolve: {
    alias: { $lib: fileURLToPath(new URL('./src/lib', import.meta.url)) },
    // Components under test have to mount, so they need the browser's half of Svelte.
    ...(mode === 'test' ? { conditions: ['browser'] } : {}),
  },
  build: {
    target: 'es2022',
    // The server's content policy allows no inline scripts, and the browsers we serve need no polyfill.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        // What every page needs comes in one piece: on a slow line, requests cost more than bytes.
        codeSplitting: {
          groups: [
            {
              name: 'base',
              test: /\/node_modules\/(svelte|openapi-fetch|regexparam|clsx|esm-env)/,
            },
            { name: 'base', test: /\/src\/lib\/(api|events|layout|session|storage|theme|time)\// },
            { name: 'base', test: /\/src\/lib\/messages\/(format|language|plural|reasons)/ },
          ],
        },
      },
    },
  },
  server: { port: 5173, proxy },
  preview: { port: 4173, proxy },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.ts'],
    setupFiles: ['./tests/setup.ts'],
    restoreMocks: true,
  },
}));
