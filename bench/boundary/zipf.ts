import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { seededRandom } from '../../src/domain/traffic/seeded-random.ts';
import { hostName } from '../gateway/configurations.ts';
import { loadCore, pin } from '../gateway/programs.ts';

/** What was asked of one server, one after the other over some connections. */
export interface ZipfResult {
  readonly requests: number;
  /** Connections or requests that failed, answers of 400 and above. */
  readonly failures: number;
  readonly meanUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** More connections than keys that are asked for at once would hide what it is to find one. */
const connections = 16;
/** Beyond it the stream is not asked to its end. */
const bound = '900s';

/**
 * Keys 0 to `keys` - 1 of which the one of rank i is asked for with the weight 1/i (Zipf's law, s = 1; Breslau and others, "Web caching
 * and Zipf-like distributions", INFOCOM 1999). With the same seed always the same ones.
 */
export function zipfStream(
  seed: number,
  { keys, requests }: { readonly keys: number; readonly requests: number },
): readonly number[] {
  const random = seededRandom(seed);
  const sums = new Float64Array(keys);
  let sum = 0;
  for (let index = 0; index < keys; index += 1) {
    sum += 1 / (index + 1);
    sums[index] = sum;
  }
  return Array.from({ length: requests }, () => rankOf(sums, random() * sum));
}

/** The first whose sum is beyond it. */
function rankOf(sums: Float64Array, value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Resolves with the file that `askAll` takes. */
export async function writeStream(
  folder: string,
  name: string,
  keys: readonly number[],
): Promise<string> {
  const path = join(folder, `${name}.txt`);
  await writeFile(path, keys.map((key) => `/item/${key}\n`).join(''));
  return path;
}

export async function askAll(
  port: number,
  stream: string,
  signal: AbortSignal,
): Promise<ZipfResult> {
  const script = join(import.meta.dirname, 'zipf.lua');
  const wrk = ['wrk', '-t1', `-c${connections}`, `-d${bound}`, '--timeout', '30s', '-s', script];
  const asked = ['-H', `Host: ${hostName}`, `http://127.0.0.1:${port}/`, '--', stream];
  const child = spawn(pin, ['-c', String(loadCore), ...wrk, ...asked], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
  });
  const ended = once(child, 'close');
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  // It would sleep until its time is over; and a signal that comes before it sleeps does not wake it.
  const waking = setInterval(() => {
    if (text.includes('all answered')) child.kill('SIGINT');
  }, 50);
  await ended;
  clearInterval(waking);
  const line = text.split('\n').findLast((each) => each.startsWith('{'));
  if (line === undefined) throw new Error(`wrk printed no result: ${text}`);
  return JSON.parse(line) as ZipfResult;
}
