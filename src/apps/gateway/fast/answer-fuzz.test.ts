/**
 * Instances that answer anything: callers on kept connections get a whole answer, 502, or a cut one, and never an octet
 * of another request's. A short run with a fixed seed here; longer, from a seed that it prints, by
 * `node src/apps/gateway/fast/answer-fuzz.test.ts --seconds 3600`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { randomFrom } from '../http1/mutation.fixture.ts';
import { responseRows } from '../http1/response-corpus.fixture.ts';
import { type Ended, markPattern, OddInstance, WaryCaller } from './answer-fuzz.fixture.ts';
import { EngineFixture } from './engine.fixture.ts';
import { usualDeadlines } from './parts.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
});
const seconds = values.seconds === undefined ? null : Number(values.seconds);
const seed = Number(values.seed ?? (seconds === null ? 20_261_121 : Date.now() % 2 ** 31));
const casesMax = 2000;
const callersCount = 8;
const rowBytesMax = 500;
/** Short, because many an answer never ends; there are others at work meanwhile. */
const deadlines = { ...usualDeadlines, silenceMs: 150 };

interface Found {
  readonly faults: readonly string[];
  readonly ended: Readonly<Record<Ended, number>>;
  readonly cases: number;
}

async function fuzz(
  goesOn: (cases: number) => boolean,
  alter?: (octets: string) => string,
): Promise<Found> {
  const random = randomFrom(seed);
  const rows = responseRows
    .map(([, , octets]) => octets)
    .filter(({ length }) => length < rowBytesMax);
  const instance = new OddInstance(random, rows, alter);
  await using fixture = await EngineFixture.start(['a'], (socket) => instance.serve(socket), {
    deadlines,
    requestTimeoutMs: 200,
  });
  const callers = Array.from(
    { length: callersCount },
    () => new WaryCaller(fixture, instance, random),
  );
  const faults: string[] = [];
  let cases = 0;
  const keepAsking = async (caller: WaryCaller): Promise<void> => {
    while (goesOn(cases) && faults.length < 5) {
      cases += 1;
      const fault = await caller.ask();
      if (fault !== null) faults.push(fault);
    }
    caller.close();
  };
  await Promise.all(callers.map(keepAsking));
  const sum = (key: Ended): number => callers.reduce((all, { ended }) => all + ended[key], 0);
  return {
    faults,
    cases,
    ended: { whole: sum('whole'), refused: sum('refused'), cut: sum('cut') },
  };
}

test('whatever instances answer, callers get it whole, a refusal, or a cut, and nobody else’s', async () => {
  const untilMs = seconds === null ? Infinity : performance.now() + seconds * 1000;
  const goesOn = (done: number): boolean =>
    seconds === null ? done < casesMax : performance.now() < untilMs;
  const { faults, cases, ended } = await fuzz(goesOn);
  if (seconds !== null)
    process.stdout.write(`seed ${seed}: ${cases} cases, ${JSON.stringify(ended)}\n`);
  assert.deepEqual(faults, [], `seed ${seed}`);
  for (const [name, count] of Object.entries(ended)) {
    assert.ok(count > cases / 50, `${name}: only ${count} of ${cases}`);
  }
});

/** What a gateway that mixes answers up would give its callers. */
function lastMark(): (octets: string) => string {
  let last = '';
  return (octets) => {
    const before = last;
    last = octets.match(markPattern)?.[0] ?? last;
    return before === '' ? octets : octets.replaceAll(markPattern, before);
  };
}

for (const [name, alter] of [
  ['the octets of the request before it', lastMark()],
  ['a changed octet', (octets: string) => octets.replaceAll('m\r\n0\r\n', 'n\r\n0\r\n')],
  ['another status', (octets: string) => octets.replaceAll('HTTP/1.1 200', 'HTTP/1.1 201')],
] as const) {
  test(`a caller that gets ${name} says so`, async () => {
    const { faults } = await fuzz((done) => done < 300, alter);
    assert.notDeepEqual(faults, []);
  });
}
