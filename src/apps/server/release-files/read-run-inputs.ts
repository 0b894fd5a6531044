import { open } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { ConfigStore } from '../../../adapters/local-process/config-store.ts';
import { type SecretReader, sourceText } from '../../../adapters/local-process/secret-source.ts';
import { pathOf, problemAt } from '../../../api/release-file/document-origin.ts';
import { environmentNameRule } from '../../../api/release-file/names.ts';
import type { Problem } from '../../../api/release-file/problem.ts';
import type { ServiceDocument } from '../../../api/release-file/service-document.ts';
import type {
  ConfigFile,
  SecretReference,
  SecretSource,
} from '../../../domain/release/run-inputs.ts';
import type { ReadInputs } from './service-spec.ts';

const fileBytesMax = 1_048_576;

export interface InputSources {
  readonly secrets: SecretReader;
  readonly configs: ConfigStore;
}

type Key = readonly (string | number)[];

/**
 * Reads what a release file only names, as it is now: variables and config files become content of the revision, of secrets only
 * where they are and a digest. So another content is another revision, and a way back brings the old one.
 */
export async function readRunInputs(
  document: ServiceDocument,
  sources: InputSources,
): Promise<{ readonly inputs: ReadInputs; readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  const say = (key: Key, message: string, hint: string | null = null): void => {
    problems.push(problemAt(document, ['spec', 'run', ...key], message, hint));
  };
  const { run } = document;
  const fromFiles = await readVariables(document, say);
  const env = { ...fromFiles, ...run.env };
  const secrets = await readSecrets(document, { sources, env, say });
  const configFiles = await readConfigs(document, sources, say);
  const inputs = {
    env,
    ...(run.secrets === undefined ? {} : { secrets }),
    ...(run.configFiles === undefined ? {} : { configFiles }),
  };
  return { inputs, problems };
}

type Say = (key: Key, message: string, hint?: string | null) => void;

/** Lines of NAME=VALUE, as they stand: no quotes, no references. Empty lines and those that begin with # say nothing. */
async function readVariables(
  document: ServiceDocument,
  say: Say,
): Promise<Readonly<Record<string, string>>> {
  const env: Record<string, string> = {};
  for (const [index, written] of (document.run.envFiles ?? []).entries()) {
    const bytes = await readBounded(pathFrom(document, written));
    if (typeof bytes === 'string') {
      say(['envFiles', index], `cannot read ${written}: ${bytes}`);
      continue;
    }
    for (const [number, line] of bytes.toString('utf8').split(/\r?\n/).entries()) {
      if (line.trim() === '' || line.startsWith('#')) continue;
      const at = line.indexOf('=');
      const fault =
        at < 0 ? { reason: 'is no NAME=VALUE' } : environmentNameRule(line.slice(0, at));
      // Nothing of the line is shown: it may be a secret that stands at the wrong place.
      if (fault !== null || line.includes('\0')) {
        const because = fault?.reason.replace(/, not ".*$/s, '') ?? 'must not hold a NUL character';
        say(['envFiles', index], `line ${number + 1} of ${written} ${because}`);
      } else env[line.slice(0, at)] = line.slice(at + 1);
    }
  }
  return env;
}

async function readSecrets(
  document: ServiceDocument,
  told: { readonly sources: InputSources; readonly env: object; readonly say: Say },
): Promise<Readonly<Record<string, SecretReference>>> {
  const { sources, env, say } = told;
  const secrets: Record<string, SecretReference> = {};
  for (const [name, { file, env: variable }] of Object.entries(document.run.secrets ?? {})) {
    const source: SecretSource =
      file === undefined
        ? { kind: 'environment', name: variable ?? '' }
        : { kind: 'file', path: pathFrom(document, file) };
    const key = ['secrets', name];
    const read = await sources.secrets.read(source);
    if (name in env) say(key, `"${name}" is a variable of env or envFiles too`, 'remove one');
    if (read.kind === 'secret') secrets[name] = { source, digest: read.digest };
    else
      say(key, `cannot take the secret from ${sourceText(source)}: ${read.because}`, read.remedy);
  }
  return secrets;
}

async function readConfigs(
  document: ServiceDocument,
  { configs }: InputSources,
  say: Say,
): Promise<readonly ConfigFile[]> {
  const files: ConfigFile[] = [];
  for (const [index, written] of (document.run.configFiles ?? []).entries()) {
    const path = pathFrom(document, written);
    const name = basename(path);
    const bytes = await readBounded(path);
    if (typeof bytes === 'string') say(['configFiles', index], `cannot read ${written}: ${bytes}`);
    else if (files.some((each) => each.name === name)) {
      say(['configFiles', index], `"${name}" is the name of an earlier config file`);
    } else files.push({ name, sha256: await configs.put(bytes), sizeBytes: bytes.length });
  }
  return files;
}

function pathFrom(document: ServiceDocument, written: string): string {
  return resolve(dirname(pathOf(document)), written);
}

/** A text says why not. */
async function readBounded(path: string): Promise<Buffer | string> {
  try {
    await using file = await open(path, 'r');
    const found = await file.stat();
    if (!found.isFile()) return 'it is no regular file';
    if (found.size > fileBytesMax)
      return `it has ${found.size} bytes, at most ${fileBytesMax} are taken`;
    return await file.readFile();
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isMissing ? 'there is no such file' : String(error);
  }
}
