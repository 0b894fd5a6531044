/**
 * `npm run bench -- NAME [--quick] [--only PART,...] [--out FILE]`: the one form of all benchmarks. A benchmark is a folder here whose
 * main.ts exports `run`. Progress goes to standard error, an aligned table to standard output, and as the last line
 * one JSON object. Exit codes: 0 it ran (whatever it measured), 1 it could not run, 2 usage.
 */
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './form.ts';
import { tableText } from './form.ts';

const usage = 'usage: npm run bench -- NAME [--quick] [--only PART,...] [--out FILE]';

async function main(): Promise<number> {
  const names = await benchNames();
  const options = readArguments();
  if (typeof options === 'string') return refuse(options, names);
  const { name, isQuick, only, out } = options;
  if (name === null) {
    process.stdout.write(`${usage}\n\n${await listText(names)}\n`);
    return 0;
  }
  if (!names.includes(name)) return refuse(`there is no benchmark ${JSON.stringify(name)}`, names);
  const { run, parts = [] } = await benchNamed(name);
  const unknown = only?.find((part) => !parts.includes(part));
  if (unknown !== undefined) {
    const known = parts.length === 0 ? 'it has none' : `it has ${parts.join(', ')}`;
    return refuse(`${name} has no part ${JSON.stringify(unknown)}: ${known}`, names);
  }
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => stop.abort(new Error(`received ${signal}`)));
  }
  const startedMs = performance.now();
  const say = (line: string): void => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1).padStart(6);
    process.stderr.write(`${seconds} s  ${line}\n`);
  };
  const report = await run({
    isQuick,
    say,
    signal: stop.signal,
    ...(only === null ? {} : { only }),
  });
  const tookMs = Math.round(performance.now() - startedMs);
  const result = { bench: name, quick: isQuick, tookMs, ...report.result };
  const text = [
    ...report.tables.flatMap((table) => [tableText(table), '']),
    ...report.notes,
    '',
    JSON.stringify(result),
  ].join('\n');
  process.stdout.write(`${text}\n`);
  if (out !== null) await writeFile(out, `${text}\n`);
  return 0;
}

async function benchNames(): Promise<readonly string[]> {
  const entries = await readdir(import.meta.dirname, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .filter((name) => existsSync(join(import.meta.dirname, name, 'main.ts')))
    .toSorted();
}

interface Arguments {
  readonly name: string | null;
  readonly isQuick: boolean;
  readonly only: readonly string[] | null;
  readonly out: string | null;
}

function readArguments(): Arguments | string {
  try {
    const { values, positionals } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        out: { type: 'string' },
      },
      allowPositionals: true,
    });
    if (positionals.length > 1) return `one benchmark at a time, not ${positionals.join(' ')}`;
    const only = values.only?.split(',') ?? null;
    return { name: positionals[0] ?? null, isQuick: values.quick, only, out: values.out ?? null };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function refuse(message: string, names: readonly string[]): Promise<number> {
  process.stderr.write(`error: ${message}\n${usage}\n\n${await listText(names)}\n`);
  return 2;
}

async function listText(names: readonly string[]): Promise<string> {
  const rows: string[][] = [];
  for (const name of names) rows.push([name, (await benchNamed(name)).about]);
  return tableText({ heads: ['NAME', 'MEASURES'], rows });
}

async function benchNamed(name: string): Promise<Bench> {
  const { run, about, parts } = (await import(`./${name}/main.ts`)) as Partial<Bench>;
  if (typeof run !== 'function' || typeof about !== 'string') {
    throw new Error(`bench/${name}/main.ts must export the function run and the text about`);
  }
  return { run, about, ...(parts === undefined ? {} : { parts }) };
}

try {
  process.exitCode = await main();
} catch (error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`error: the benchmark could not be run: ${text}\n`);
  process.exitCode = 1;
}
