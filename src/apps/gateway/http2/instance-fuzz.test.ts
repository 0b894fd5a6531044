/**
 * Instances that answer any frames: callers get a whole answer, a refusal or a cut one, never another's, and nothing that RFC
 * 9113 refuses. A short run with a fixed seed here; longer, from a seed that it prints, by
 * `node src/apps/gateway/http2/instance-fuzz.test.ts --seconds 3600`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { h2c } from '../../../domain/traffic/routing/route-table.ts';
import { EngineFixture } from '../fast/engine.fixture.ts';
import { usualDeadlines } from '../fast/parts.ts';
import { until } from '../gateway-fixture.ts';
import { randomFrom } from '../http1/mutation.fixture.ts';
import { askOnce, type Ended, OddHttp2Instance } from './instance-fuzz.fixture.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
});
const seconds = values.seconds === undefined ? null : Number(values.seconds);
const seed = Number(values.seed ?? (seconds === null ? 20_261_121 : Date.now() % 2 ** 31));
const casesMax = 1500;
const callersCount = 16;
const rssGrowthMbMax = 300;
/** Short, because many an answer never ends. */
const deadlines = { ...usualDeadlines, silenceMs: 150 };

interface Found {
  readonly faults: readonly string[];
  readonly ended: Readonly<Record<Ended, number>>;
  readonly cases: number;
  readonly grownMb: number;
}

const rssMb = (): number => process.memoryUsage().rss / 2 ** 20;

async function fuzz(
  goesOn: (cases: number) => boolean,
  alter?: (mark: string) => string,
): Promise<Found> {
  const random = randomFrom(seed);
  const instance = new OddHttp2Instance(random, alter);
  const faults: string[] = [];
  const log = (message: string): number => faults.push(message);
  const serve = instance.serve.bind(instance);
  await using fixture = await EngineFixture.start(['a'], serve, {
    deadlines,
    log,
    requestTimeoutMs: 500,
  });
  fixture.reroute((route) => ({
    ...route,
    backends: route.backends.map((backend) => ({
      ...backend,
      endpoints: backend.endpoints.map((endpoint) => ({ ...endpoint, appProtocol: h2c })),
    })),
  }));
  const ended: Record<Ended, number> = { whole: 0, refused: 0, cut: 0 };
  let cases = 0;
  const beforeMb = rssMb();
  const keepAsking = async (): Promise<void> => {
    while (goesOn(cases) && faults.length < 5) {
      cases += 1;
      const asked = await askOnce(fixture, random);
      ended[asked.ended] += 1;
      if (asked.fault !== null) faults.push(asked.fault);
    }
  };
  await Promise.all(Array.from({ length: callersCount }, keepAsking));
  await until(() => fixture.counters.all().every(({ underWay }) => underWay === 0));
  return { faults, ended, cases, grownMb: rssMb() - beforeMb };
}

test('whatever frames instances answer, callers get a whole answer, a refusal, or a cut, and nobody else’s', async () => {
  const untilMs = seconds === null ? Infinity : performance.now() + seconds * 1000;
  const goesOn = (done: number): boolean =>
    seconds === null ? done < casesMax : performance.now() < untilMs;
  const { faults, ended, cases, grownMb } = await fuzz(goesOn);
  if (seconds !== null) {
    const told = `${cases} cases, ${JSON.stringify(ended)}, ${Math.round(grownMb)} MB more`;
    process.stdout.write(`seed ${seed}: ${told}\n`);
  }
  assert.deepEqual(faults, [], `seed ${seed}`);
  assert.ok(ended.whole > cases / 50 && ended.refused > cases / 50, JSON.stringify(ended));
  assert.ok(grownMb < rssGrowthMbMax, `${grownMb} MB more`);
});

/** What a gateway that mixes answers up would give its callers. */
function mixing(): (mark: string) => string {
  let last = '';
  return (mark) => {
    const before = last;
    last = mark;
    return before === '' ? mark : before;
  };
}

test('a caller that gets the octets of another request says so', async () => {
  const { faults } = await fuzz((done) => done < 300, mixing());
  assert.notDeepEqual(faults, []);
});
