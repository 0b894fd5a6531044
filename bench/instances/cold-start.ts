import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchOptions, type BenchReport, cell, medianOf, rounded } from '../form.ts';
import { freePorts, waitFor, type World } from '../world.ts';
import { command, scalingOf, withScaledService } from './scaled-service.ts';

/** Asleep some 6 s after the last request. */
const service = {
  name: 'sleeper',
  program: `
import { createServer } from 'node:http';
const server = createServer((request, response) => response.end('ok'));
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`,
  scale: {
    min: 0,
    max: 3,
    on: { concurrency: 100 },
    window: '6s',
    toZero: { retentionPeriod: '0s', wakeTimeout: '2m' },
  },
};

interface ColdStart {
  /** From the request to the end of its answer. */
  readonly fromZeroMs: number;
  /** From the start of the same command to the end of its first answer, just before. */
  readonly bareMs: number;
}

/** The first answer of a service that is asleep, beside what the process itself takes until it answers. */
export async function coldStart({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  const starts = await withScaledService(service, async (world, folder) => {
    const all: ColdStart[] = [];
    for (let round = 0; round < (isQuick ? 2 : 9); round += 1) {
      signal.throwIfAborted();
      await waitFor('sleep', () => isAsleep(world), boundMs);
      const bareMs = await bareStart(folder);
      const fromZeroMs = await answered(world.gatewayUrl, `${service.name}.localhost`);
      say(`from zero ${cell(fromZeroMs)} ms, the process itself ${cell(bareMs)} ms`);
      all.push({ fromZeroMs, bareMs });
    }
    return all;
  });
  const extra = starts.map(({ fromZeroMs, bareMs }) => fromZeroMs - bareMs);
  return {
    tables: [
      {
        heads: ['FROM ZERO', 'PROCESS ALONE', 'EXTRA'],
        rows: starts.map(({ fromZeroMs, bareMs }) => [
          `${cell(fromZeroMs)} ms`,
          `${cell(bareMs)} ms`,
          `${cell(fromZeroMs - bareMs)} ms`,
        ]),
      },
    ],
    notes: [
      'Cold start: one request to a service without an instance; beside it the same command started bare, asked each 2 ms until it answers. The extra is the median of the differences.',
    ],
    result: {
      coldStartExtraMs: rounded(medianOf(extra)),
      coldStartExtraMostMs: rounded(Math.max(...extra)),
    },
  };
}

const boundMs = 120_000;
const askEveryMs = 2;

async function isAsleep(world: World): Promise<true | null> {
  const { asleepSince } = await scalingOf(world, service.name);
  const { instances } = (await world.service(service.name)).status;
  return asleepSince !== undefined && instances.length === 0 ? true : null;
}

async function bareStart(folder: string): Promise<number> {
  const [port = 0] = await freePorts(1);
  const [program, ...argv] = command;
  const env = { PATH: process.env['PATH'] ?? '', PORT: String(port) };
  const sinceMs = performance.now();
  const child = spawn(program, argv, { cwd: folder, env, stdio: 'ignore' });
  try {
    for (;;) {
      const ms = await answered(`http://127.0.0.1:${port}`, 'bare').catch(() => null);
      if (ms !== null) return performance.now() - sinceMs;
      if (performance.now() - sinceMs > boundMs)
        throw new Error('the bare process does not answer');
      await sleep(askEveryMs);
    }
  } finally {
    child.kill();
    await once(child, 'exit');
  }
}

/** On a connection of its own. */
function answered(url: string, host: string): Promise<number> {
  const sinceMs = performance.now();
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, headers: { host } }, (response) => {
      response.resume();
      response.on('error', reject).on('end', () => {
        if (response.statusCode === 200) resolve(performance.now() - sinceMs);
        else reject(new Error(`answered ${response.statusCode}`));
      });
    });
    request.on('error', reject);
  });
}
