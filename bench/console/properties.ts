import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { projectFolder } from '../world.ts';

export interface PropertyCounts {
  /** Of the fifteen, those of which every test passed. */
  readonly tested: number;
  readonly failed: readonly string[];
  readonly axeViolations: number;
}

const file = join('test', 'services', 'console', 'console.test.ts');
const outputBytesMax = 16 * 1024 * 1024;

/** Runs the console's own tests, which name the property that they are of, and counts. */
export async function countProperties(signal: AbortSignal): Promise<PropertyCounts> {
  const run = promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], {
    cwd: projectFolder,
    maxBuffer: outputBytesMax,
    signal,
  });
  // Failed tests end it with 1; what it printed says which.
  const { stdout } = await run.catch((error: { readonly stdout?: string }) => {
    if (error.stdout === undefined) throw error;
    return { stdout: error.stdout };
  });
  const results = [...stdout.matchAll(/^\s*(not ok|ok) \d+ - property (\d+): (.*)$/gm)];
  const failed = results.filter(([, result]) => result === 'not ok');
  const bad = new Set(failed.map(([, , number]) => number));
  const all = new Set(results.map(([, , number]) => number));
  const axe = [...stdout.matchAll(/axe: (\d+) violations/g)];
  if (axe.length === 0) throw new Error(`no view was looked at by axe: ${stdout.slice(-2_000)}`);
  return {
    tested: [...all].filter((number) => !bad.has(number)).length,
    failed: failed.map(([, , number, what]) => `property ${number}: ${what}`),
    axeViolations: axe.reduce((sum, [, count]) => sum + Number(count), 0),
  };
}
