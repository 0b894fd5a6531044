/** The console and the server behind it, on a ledger with 10,000 rollouts: what it weighs, how soon it is there, what it costs. */
import { type BenchOptions, type BenchReport, cell, rounded } from '../form.ts';
import { cpuUsOf, residentBytesOf } from '../process-stat.ts';
import { World } from '../world.ts';
import { requireBuiltConsole } from '../../test/services/console/built-console.fixture.ts';
import { measureBrowser } from './browser-figures.ts';
import { measureStream } from './event-stream.ts';
import { fillRollouts } from './filled-rollouts.ts';
import { measureAnswers } from './list-answers.ts';
import { countProperties } from './properties.ts';

export const about =
  'the console on 10,000 rollouts: bytes, first paint, idle CPU, event stream, server memory, axe, properties';

export const parts = ['list', 'properties'] as const;

type Part = Pick<BenchReport, 'tables' | 'result'>;

export async function run(options: BenchOptions): Promise<BenchReport> {
  await requireBuiltConsole();
  const isWanted = (part: (typeof parts)[number]): boolean => options.only?.includes(part) ?? true;
  const list = isWanted('list') ? await measureList(options) : null;
  // It takes minutes.
  const isCounted = isWanted('properties') && (!options.isQuick || options.only !== undefined);
  const properties = isCounted ? await measureProperties(options) : null;
  return {
    tables: [...(list?.tables ?? []), ...(properties?.tables ?? [])],
    notes,
    result: { ...notMeasured, ...list?.result, ...properties?.result },
  };
}

const notes = [
  'One service in twenty has a stable revision, which sleeps, and so a route; the others never became ready. A route for each would be a measurement of the gateway.',
  'First screen: what the browser loads for /rollouts, files as the server sends them with gzip, and the answers of the API (sent as they are) by gzip too.',
  'First paint: from the start of the navigation to the frame after the first row is there, the cache of the browser empty; median of 5.',
  'Idle: processor time of the renderers while the page is open and live. Events: orders that are refused, each an entry on the disk; 5 readers.',
  'No peer stands beside it: dashboards of Argo Rollouts, Kargo and Kiali need a Kubernetes cluster, which is not here.',
  'Null: not measured in this run; --quick leaves the properties out, which take minutes, and has 1,000 rollouts.',
];

/** The order of the last line. */
const notMeasured: BenchReport['result'] = {
  rollouts: null,
  firstScreenGzKb: null,
  listFirstPaintMs: null,
  idleCpuPercent: null,
  streamEventsPerSecond: null,
  streamLagP99Ms: null,
  isStreamWhole: null,
  listMedianMs: null,
  serverStartMs: null,
  serverIdleCpuPercent: null,
  serverRssMb: null,
  axeViolations: null,
  propertiesTested: null,
};

/** One of those that have a rollout that is over, so that it can't be paused. */
const quietService = 'cart-0';

async function measureList(options: BenchOptions): Promise<Part> {
  const { isQuick, say, signal } = options;
  const count = isQuick ? 1_000 : 10_000;
  const filled = { rollouts: 0, atMs: 0 };
  await using world = await World.open(async (folder) => {
    const { rollouts, entries } = await fillRollouts(folder, count, signal);
    Object.assign(filled, { rollouts, atMs: performance.now() });
    say(`wrote ${rollouts} rollouts of ${count} services in ${entries} entries`);
  });
  const serverStartMs = performance.now() - filled.atMs;
  const pid = await world.serverPid();
  await stillLedger(world);
  say('the server has recorded that it is back');
  const serverIdleCpuPercent = await cpuPercentOf(pid, isQuick ? 3_000 : 10_000);
  const answers = await measureAnswers(world);
  say('asked for pages of the list');
  const browser = await measureBrowser(world, isQuick ? 5_000 : 20_000);
  say('looked at it with a browser');
  const stream = await measureStream(world, isQuick ? 3 : 15, quietService);
  say(`${stream.events} events at each reader`);
  const serverRssMb = (await residentBytesOf(pid)) / 1e6;
  return {
    tables: [
      {
        heads: [`GET /v1/rollouts, OF ${count}`, 'MEDIAN MS', 'BYTES'],
        rows: answers.map(({ question, medianMs, bytes }) => [
          question,
          cell(medianMs, 1),
          `${bytes}`,
        ]),
      },
    ],
    result: {
      rollouts: filled.rollouts,
      firstScreenGzKb: rounded(browser.screen.gzipBytes / 1_000, 1),
      listFirstPaintMs: rounded(browser.listFirstPaintMs),
      idleCpuPercent: rounded(browser.idleCpuPercent, 2),
      streamEventsPerSecond: rounded(stream.eventsPerSecond, 1),
      streamLagP50Ms: rounded(stream.lagP50Ms),
      streamLagP99Ms: rounded(stream.lagP99Ms),
      isStreamWhole: stream.isWhole,
      listMedianMs: rounded(answers[0]?.medianMs ?? null, 1),
      serverStartMs: rounded(serverStartMs),
      serverIdleCpuPercent: rounded(serverIdleCpuPercent, 1),
      serverRssMb: rounded(serverRssMb),
    },
  };
}

/** What a server records when it is back takes a while with so many services. */
async function stillLedger(world: World): Promise<void> {
  for (let known = -1; ;) {
    const { ledger } = await world.status();
    if (ledger.entries === known) return;
    known = ledger.entries;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}

async function cpuPercentOf(pid: number, forMs: number): Promise<number> {
  const before = { atMs: performance.now(), us: await cpuUsOf(pid) };
  await new Promise((resolve) => setTimeout(resolve, forMs));
  return ((await cpuUsOf(pid)) - before.us) / 10 / (performance.now() - before.atMs);
}

async function measureProperties({ say, signal }: BenchOptions): Promise<Part> {
  const { tested, failed, axeViolations } = await countProperties(signal);
  say(`${tested} properties hold`);
  const rows = failed.map((each) => [each]);
  return {
    tables: failed.length === 0 ? [] : [{ heads: ['FAILED'], rows }],
    result: { axeViolations, propertiesTested: tested },
  };
}
