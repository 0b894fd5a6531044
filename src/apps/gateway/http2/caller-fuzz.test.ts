/**
 * Callers that send any frames: what RFC 9113 refuses reaches no instance, no stream gets another's octets, every session
 * comes to an end, and nothing of it stays. A short run with a fixed seed here; longer, from a seed that it prints, by
 * `node src/apps/gateway/http2/caller-fuzz.test.ts --seconds 3600`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { EngineFixture } from '../fast/engine.fixture.ts';
import { send, until } from '../gateway-fixture.ts';
import { randomFrom } from '../http1/mutation.fixture.ts';
import { floods, MarkingInstance, OddCaller } from './caller-fuzz.fixture.ts';
import { poison } from './frame-chaos.fixture.ts';
import { FrameClient } from './frames.fixture.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
});
const seconds = values.seconds === undefined ? null : Number(values.seconds);
const seed = Number(values.seed ?? (seconds === null ? 20_261_121 : Date.now() % 2 ** 31));
const casesMax = 600;
const callersCount = 8;
const rssGrowthMbMax = 300;

interface Found {
  readonly faults: readonly string[];
  readonly cases: number;
  readonly answered: number;
  readonly malformed: number;
  readonly grownMb: number;
}

const rssMb = (): number => process.memoryUsage().rss / 2 ** 20;

async function fuzz(
  goesOn: (cases: number) => boolean,
  instance: MarkingInstance = new MarkingInstance(),
): Promise<Found> {
  const random = randomFrom(seed);
  const broken: string[] = [];
  await using fixture = await EngineFixture.start(
    ['a'],
    (socket) => instance.serve(socket),
    { log: (message) => broken.push(message) },
    { isH2cTaken: true, tls: null },
  );
  const callers = Array.from(
    { length: callersCount },
    () => new OddCaller(fixture.port, instance, random),
  );
  const sum = (key: 'cases' | 'answered' | 'malformed'): number =>
    callers.reduce((all, { report }) => all + report[key], 0);
  const faults = (): readonly string[] => [
    ...callers.flatMap(({ report }) => report.faults),
    ...instance.faults,
    ...broken,
  ];
  const beforeMb = rssMb();
  await Promise.all(
    callers.map(async (caller) => {
      while (goesOn(sum('cases')) && faults().length < 5) await caller.ask();
    }),
  );
  const isDone = (): boolean => fixture.counters.all().every(({ underWay }) => underWay === 0);
  await until(isDone);
  const grownMb = rssMb() - beforeMb;
  return {
    faults: faults(),
    cases: sum('cases'),
    answered: sum('answered'),
    malformed: sum('malformed'),
    grownMb,
  };
}

test('whatever frames callers send, no instance gets what is none, and no caller another one’s', async () => {
  const untilMs = seconds === null ? Infinity : performance.now() + seconds * 1000;
  const goesOn = (done: number): boolean =>
    seconds === null ? done < casesMax : performance.now() < untilMs;
  const { faults, cases, answered, malformed, grownMb } = await fuzz(goesOn);
  if (seconds !== null) {
    process.stdout.write(
      `seed ${seed}: ${cases} sessions, ${answered} requests answered, ${malformed} wrong ones refused, ` +
        `${Math.round(grownMb)} MB more\n`,
    );
  }
  assert.deepEqual(faults, [], `seed ${seed}`);
  assert.ok(
    answered > cases / 10 && malformed > cases / 10,
    `${answered}, ${malformed} of ${cases}`,
  );
  assert.ok(grownMb < rssGrowthMbMax, `${grownMb} MB more`);
});

for (const [name, octets] of floods) {
  test(`${name} without end: the session ends, in bounded memory, and others are served`, async () => {
    const instance = new MarkingInstance();
    const listening = { isH2cTaken: true, tls: null };
    const serve = instance.serve.bind(instance);
    await using fixture = await EngineFixture.start(['a'], serve, {}, listening);
    const random = randomFrom(seed);
    const beforeMb = rssMb();
    for (let round = 0; round < 5; round += 1) {
      using client = await FrameClient.connect(fixture.port);
      client.write(octets(random));
      client.socket.end();
      assert.equal(await client.wait(() => false), null);
    }
    assert.ok(rssMb() - beforeMb < rssGrowthMbMax, `${rssMb() - beforeMb} MB more`);
    const caller = new OddCaller(fixture.port, instance, random);
    while (caller.report.answered === 0) await caller.ask();
    assert.deepEqual(caller.report.faults, []);
    assert.deepEqual(instance.faults, []);
  });
}

/** Mistakes of a gateway, made by its instance. */
const planted: readonly (readonly [name: string, alter: () => (answer: string) => string])[] = [
  ['gives a caller the answer before its own', mixing],
  ['loses an octet', () => (answer) => answer.slice(1)],
];

function mixing(): (answer: string) => string {
  let last = '';
  return (answer) => {
    const before = last;
    last = answer;
    return before === '' ? answer : before;
  };
}

for (const [name, alter] of planted) {
  test(`a gateway that ${name} is found`, async () => {
    const { faults } = await fuzz((cases) => cases < 100, new MarkingInstance(alter()));
    assert.notDeepEqual(faults, []);
  });
}

test('a gateway that passes on what it must not is found', async () => {
  const instance = new MarkingInstance();
  await using fixture = await EngineFixture.start(['a'], (socket) => instance.serve(socket));
  const { status } = await send(fixture.port, { host: 'a', path: `/${poison}` });
  assert.equal(status, 200);
  assert.match(instance.faults.join(), /^passed on/);
});
