/** Builds the console into dist/console: hashed files, one chunk a view, and each beside its brotli and gzip. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';
import { thirdPartyNotices } from './build/third-party-notices.ts';

/** The highest takes ten times as long for a twentieth less. */
const brotliQuality = 9;
const outputFolder = fileURLToPath(new URL('../../../dist/console', import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  plugins: [react(), thirdPartyNotices(), compressed()],
  build: {
    outDir: outputFolder,
    emptyOutDir: true,
    manifest: 'manifest.json',
    // The policy of the page lets nothing in that is not a file of ours, so nothing is put into others as data.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
    target: ['chrome123', 'firefox128', 'safari18'],
  },
});

/** The server sends these as they are and compresses nothing itself. */
function compressed(): Plugin {
  return {
    name: 'tidegate-compressed',
    async closeBundle() {
      const names = await readdir(outputFolder, { recursive: true });
      const texts = names.filter((name) => /\.(js|css|html|svg|json)$/.test(name));
      await Promise.all(texts.map((name) => compress(join(outputFolder, name))));
    },
  };
}

async function compress(path: string): Promise<void> {
  const bytes = await readFile(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: brotliQuality };
  const [brotli, gzipped] = await Promise.all([
    promisify(brotliCompress)(bytes, { params }),
    promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }),
  ]);
  await Promise.all([writeFile(`${path}.br`, brotli), writeFile(`${path}.gz`, gzipped)]);
}
