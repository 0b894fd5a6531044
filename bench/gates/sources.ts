import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Of a file of the study and all that it imports but types: what its results are made by. A new table leaves them as they are. */
export function digestOfSources(file: string): string {
  const found = new Set<string>();
  const open = [join(import.meta.dirname, file)];
  const hash = createHash('sha256');
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    const source = readFileSync(path, 'utf8');
    for (const [, words = '', target = ''] of source.matchAll(importPattern)) {
      if (!words.startsWith('type ')) open.push(join(dirname(path), target));
    }
  }
  for (const path of [...found].toSorted()) hash.update(readFileSync(path));
  return hash.digest('hex').slice(0, 16);
}

/** The words after `import` or `export`, and a file of ours. */
const importPattern = /^(?:import|export) ([^;]*?) from '(\.[^']+)';/gm;
