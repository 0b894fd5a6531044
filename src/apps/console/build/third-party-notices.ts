import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Served beside what it speaks of, and linked from the settings. */
const fileName = 'assets/third-party-licenses.txt';

/** Writes the licences of all packages that something of is in the console: their terms ask that copies carry them. */
export function thirdPartyNotices(): Plugin {
  return {
    name: 'tidegate-third-party-notices',
    generateBundle() {
      const folders = new Set([...this.getModuleIds()].flatMap((id) => packageFolder(id) ?? []));
      const notices = [...folders].toSorted().map(noticeOf);
      this.emitFile({ type: 'asset', fileName, source: `${notices.join(separator)}\n` });
    },
  };
}

const separator = `\n\n${'-'.repeat(80)}\n\n`;

/** Null: a module of our own, or one that the bundler makes. */
function packageFolder(id: string): string | null {
  const found = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
  return found !== undefined && existsSync(join(found, 'package.json')) ? found : null;
}

function noticeOf(folder: string): string {
  const { name, version, license, repository, homepage } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as Readonly<Record<string, unknown>>;
  const source =
    typeof repository === 'object' && repository !== null && 'url' in repository
      ? repository.url
      : (repository ?? homepage);
  const text = readdirSync(folder)
    .filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim())
    .join('\n\n');
  const head = `${String(name)} ${String(version)}\nLicence: ${String(license)}\nSource: ${String(source)}`;
  return `${head}\n\n${text === '' ? 'The package has no file with its licence.' : text}`;
}
