import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A piece of the source that stops an attack, and what stands there when somebody forgot it. */
export interface Guard {
  /** Under `src/`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly text: string;
  readonly instead: string;
}

/**
 * Imports a module and all of ours that it imports as they would be without a guard, beside those with it: the files on the disk
 * stay as they are. Throws when the guard's text does not stand in its file exactly once, or the module never loads that file.
 */
export async function importWithout(path: string, guard: Guard): Promise<unknown> {
  const id = `${removed.size}`;
  const entry = { guard, isLoaded: false };
  removed.set(id, entry);
  const module: unknown = await import(`${pathToFileURL(path).href}?${PARAMETER}=${id}`);
  if (!entry.isLoaded) throw new Error(`${path} never loads ${guard.file}`);
  return module;
}

const PARAMETER = 'without';
const ROOT = join(import.meta.dirname, '..', '..');
const removed = new Map<string, { readonly guard: Guard; isLoaded: boolean }>();

registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const id = idOf(context.parentURL);
    const isOurs = resolved.url.startsWith('file:') && !resolved.url.includes('/node_modules/');
    if (id === null || !isOurs) return resolved;
    return { ...resolved, url: `${resolved.url}?${PARAMETER}=${id}` };
  },
  load(url, context, next) {
    const entry = removed.get(idOf(url) ?? '');
    const path = entry === undefined ? '' : fileURLToPath(new URL(url));
    if (entry?.guard.file !== path.slice(join(ROOT, 'src', sep).length)) return next(url, context);
    entry.isLoaded = true;
    const source = withoutGuard(readFileSync(path, 'utf8'), entry.guard);
    return { format: 'module-typescript', source, shortCircuit: true };
  },
});

function idOf(url: string | undefined): string | null {
  return url?.startsWith('file:') === true ? new URL(url).searchParams.get(PARAMETER) : null;
}

function withoutGuard(source: string, { file, text, instead }: Guard): string {
  const [before, after, more] = source.split(text);
  if (before === undefined || after === undefined || more !== undefined) {
    throw new Error(`the guard does not stand in src/${file} exactly once: ${text}`);
  }
  return `${before}${instead}${after}`;
}
