import { type BenchOptions, type BenchReport, cell, rounded } from '../form.ts';
import { waitFor } from '../world.ts';
import { loaded, scalingOf, withScaledService } from './scaled-service.ts';

const wanted = 12;

/** A request waits for half a second and computes nothing; an instance is to have 7 of its 10 under way. */
const service = {
  name: 'waiter',
  program: `
import { createServer } from 'node:http';
const server = createServer((request, response) => {
  if (request.url === '/readyz') response.end();
  else setTimeout(() => response.end('ok'), 500);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`,
  scale: { min: 1, max: wanted, on: { concurrency: 10 } },
};

/** Some 100 requests under way, which 12 instances are not too many for. */
const requestsPerSecond = 200;
const boundMs = 180_000;

/** One instance and a burst of requests under way: how soon there are twelve. */
export async function concurrencyBurst({ say }: BenchOptions): Promise<BenchReport> {
  const { name } = service;
  const { result, ms } = await withScaledService(service, (world) =>
    loaded(world, { name, requestsPerSecond, connections: 512 }, async () => {
      const enough = async () => ((await scalingOf(world, name)).ready === wanted ? true : null);
      await waitFor('twelve instances', enough, boundMs);
    }),
  );
  say(`${wanted} instances ${cell(ms / 1000, 1)} s after the burst began`);
  return {
    tables: [
      {
        heads: ['INSTANCES', 'AFTER', 'REQUESTS', 'FAILED'],
        rows: [
          [`1 to ${wanted}`, `${cell(ms / 1000, 1)} s`, `${result.requests}`, `${result.errors}`],
        ],
      },
    ],
    notes: [
      `Burst: ${requestsPerSecond} requests/s of half a second each on one instance that is to have 7 under way.`,
    ],
    result: {
      secondsToTwelveByConcurrency: rounded(ms / 1000, 1),
      failedDuringBurst: result.errors,
    },
  };
}
