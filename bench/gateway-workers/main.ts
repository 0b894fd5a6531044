import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type BenchOptions, type BenchReport, cell, medianOf, rounded } from '../form.ts';
import { missing } from '../gateway/programs.ts';
import { type Way, ways, type WorkerCount } from './sharing.ts';

export const about = 'how evenly connections and requests come to processes that share a port';

const connectionCounts = [16, 64, 2000] as const;

/** The largest of the workers' parts, by what each would have if all had the same. */
interface Skew {
  readonly connections: number;
  readonly requests: number;
}

interface Row {
  readonly way: Way;
  readonly workers: number;
  readonly connections: number;
  readonly skews: readonly Skew[];
}

export async function run({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  const lacking = await missing(['wrk']);
  if (lacking.length > 0) {
    return { tables: [], notes: ['Nothing was measured: wrk must be installed.'], result: {} };
  }
  const rounds = isQuick ? 3 : 15;
  const rows: Row[] = [];
  for (const workers of [2, 4]) {
    for (const way of ways) {
      rows.push(...(await measure({ way, workers, rounds }, signal)));
      say(`${workers} workers, ${way}`);
    }
  }
  return {
    tables: [
      {
        heads: ['WAY', 'WORKERS', 'CONNECTIONS', 'LARGEST OF CONNECTIONS', 'OF REQUESTS', 'WORST'],
        rows: rows.map(({ way, workers, connections, skews }) => [
          way,
          String(workers),
          String(connections),
          cell(medianOf(skews.map((skew) => skew.connections)), 2),
          cell(medianOf(skews.map((skew) => skew.requests)), 2),
          cell(worstOf(skews), 2),
        ]),
      },
    ],
    notes: [
      `${rounds} rounds of 1 s each, wrk with new connections in each round, on all cores.`,
      'Largest: the worker with most of them, by what each would have if all had the same; 1 is even. Worst: of all rounds.',
    ],
    result: Object.fromEntries(
      ways.map((way) => [
        way,
        rounded(worstOf(rows.filter((row) => row.way === way).flatMap((row) => row.skews)), 2),
      ]),
    ),
  };
}

async function measure(
  {
    way,
    workers,
    rounds,
  }: { readonly way: Way; readonly workers: number; readonly rounds: number },
  signal: AbortSignal,
): Promise<readonly Row[]> {
  const program = join(import.meta.dirname, 'sharing.ts');
  const child = spawn(process.execPath, [program, way, String(workers)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async (): Promise<string> => String((await lines.next()).value);
    const port = await next();
    const rows: Row[] = [];
    for (const connections of connectionCounts) {
      const skews: Skew[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const argv = ['-t1', `-c${connections}`, '-d1s', `http://127.0.0.1:${port}/`];
        await promisify(execFile)('wrk', argv, { signal });
        child.stdin.write('\n');
        skews.push(skewOf(JSON.parse(await next()) as readonly WorkerCount[]));
      }
      rows.push({ way, workers, connections, skews });
    }
    return rows;
  } finally {
    child.kill('SIGKILL');
  }
}

function skewOf(counts: readonly WorkerCount[]): Skew {
  const of = (key: keyof WorkerCount): number => {
    const all = counts.map((count) => count[key]);
    const sum = all.reduce((total, each) => total + each, 0);
    return (Math.max(...all) * counts.length) / sum;
  };
  return { connections: of('connections'), requests: of('requests') };
}

function worstOf(skews: readonly Skew[]): number {
  return Math.max(...skews.map(({ connections }) => connections));
}
