/**
 * The running engine beside HAProxy: changed rows of the corpus, and well-formed requests with chunks, trailers and
 * pipelining, go through both to instances that write down what reaches them. What we pass on, HAProxy must pass on, and
 * as the same request. A short run with a fixed seed here; longer, from a seed that it prints, by
 * `node test/services/gateway-fuzz.test.ts --seconds 3600`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { EngineFixture } from '../../src/apps/gateway/fast/engine.fixture.ts';
import { requestRows } from '../../src/apps/gateway/http1/corpus-rows.fixture.ts';
import { mutate, randomFrom } from '../../src/apps/gateway/http1/mutation.fixture.ts';
import { converse, type Essence, essenceOf } from './gateway-fuzz.fixture.ts';
import { Haproxy, withoutHaproxy } from './haproxy.fixture.ts';
import { type Recorded, Recorder } from './recorder.fixture.ts';
import { wellFormed } from './well-formed.fixture.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
});
const seconds = values.seconds === undefined ? null : Number(values.seconds);
const seed = Number(values.seed ?? (seconds === null ? 20_261_121 : Date.now() % 2 ** 31));
const casesMax = 1500;
const faultsMax = 5;
const rowBytesMax = 1000;
/** What comes sooner waits for nothing: only a fault takes all of it. */
const gatewayMs = 60_000;
const haproxyMs = 30_000;

const hosts: readonly string[] = ['a', 'b', 'c', 'a.b', '127.0.0.1', '[::1]'];

interface Sides {
  readonly engine: { readonly port: number };
  readonly ours: Recorder;
  readonly haproxy: Haproxy;
  readonly theirs: Recorder;
  /** For planted faults: what our instance is said to have received. */
  readonly alter?: (requests: readonly Recorded[]) => readonly Recorded[];
}

async function withSides(run: (sides: Sides) => Promise<void>): Promise<void> {
  await using ours = await Recorder.start();
  await using theirs = await Recorder.start();
  await using haproxy = await Haproxy.start(theirs.port);
  await using engine = await EngineFixture.start(['a'], () => {});
  const endpoints = [{ instanceId: 'recorder', host: '127.0.0.1', port: ours.port }];
  const backends = [{ revisionId: 'r1', weightPercent: 100, endpoints }];
  const route = { service: 'svc', requestTimeoutMs: 1000, backends, matches: [] };
  engine.routes.apply({ version: 2, routes: hosts.map((host) => ({ ...route, host })) });
  await run({ engine, ours, haproxy, theirs });
}

interface Case {
  readonly text: string;
  readonly cuts: readonly number[];
}

interface Outcome {
  /** Whole requests that reached our instance. */
  readonly passed: number;
  readonly fault: string | null;
}

async function tryCase(sides: Sides, { text, cuts }: Case): Promise<Outcome> {
  const octets = Buffer.from(text, 'latin1');
  sides.ours.take();
  const said = await converse(sides.engine.port, { octets, cuts }, { boundMs: gatewayMs });
  const { requests: received, refused } = sides.ours.take();
  const requests = sides.alter?.(received) ?? received;
  const outcome = (fault: string | null): Outcome => ({ passed: requests.length, fault });
  if (!said.isClosed) return outcome(`the gateway came to no end: ${said.received}`);
  if (refused.length > 0) return outcome(`the instance refuses what we sent: ${refused.join()}`);
  return outcome(requests.length === 0 ? null : await differs(sides, requests, text));
}

/** HAProxy knows one route for all hosts; the gateway answers the unknown ones itself, and goes on. */
function isRouted({ host }: Essence): boolean {
  return hosts.includes(host.replace(/:\d*$/, ''));
}

/** What HAProxy makes of the same octets otherwise; null: nothing. */
async function differs(
  { haproxy, theirs }: Sides,
  requests: readonly Recorded[],
  text: string,
): Promise<string | null> {
  const octets = Buffer.from(text, 'latin1');
  theirs.take();
  const others = (): readonly Essence[] =>
    theirs.requests.map((each) => essenceOf(each, text)).filter(isRouted);
  const isEnough = (): boolean => others().length >= requests.length;
  const answer = await converse(haproxy.port, { octets }, { boundMs: haproxyMs, isEnough });
  for (const [index, request] of requests.entries()) {
    const ours = essenceOf(request, text);
    const other = others()[index];
    if (other === undefined) {
      return `HAProxy does not pass request ${index} on: ${answer.received.slice(0, 60)}`;
    }
    if (isDeepStrictEqual(ours, other)) continue;
    return `request ${index}: ${JSON.stringify(ours)}, by HAProxy ${JSON.stringify(other)}`;
  }
  return null;
}

interface Found {
  readonly faults: readonly string[];
  readonly cases: number;
  readonly passed: number;
}

async function fuzz(sides: Sides, goesOn: (cases: number) => boolean): Promise<Found> {
  const random = randomFrom(seed);
  const all = requestRows.map(([, , octets]) => octets);
  const rows = all.filter(({ length }) => length < rowBytesMax);
  const faults: string[] = [];
  let cases = 0;
  let passed = 0;
  while (goesOn(cases) && faults.length < faultsMax) {
    cases += 1;
    const row = rows[random(rows.length)] ?? '';
    const text = random(4) === 0 ? wellFormed(random) : mutate(row, rows, random);
    const cuts = Array.from({ length: random(4) }, () => random(text.length + 1));
    const tried = { text, cuts: cuts.toSorted((one, other) => one - other) };
    const first = await tryCase(sides, tried);
    passed += first.passed;
    // On a busy machine a wait may be over too soon; what is so, is so again.
    const fault = first.fault === null ? null : (await tryCase(sides, tried)).fault;
    if (fault !== null) faults.push(`${fault}: ${JSON.stringify(text)}`);
  }
  return { faults, cases, passed };
}

const skip = withoutHaproxy;

test('nothing is passed on that HAProxy refuses, or as another request', { skip }, async () => {
  await withSides(async (sides) => {
    const untilMs = seconds === null ? Infinity : performance.now() + seconds * 1000;
    const goesOn = (done: number): boolean =>
      seconds === null ? done < casesMax : performance.now() < untilMs;
    const { faults, cases, passed } = await fuzz(sides, goesOn);
    if (seconds !== null) {
      process.stdout.write(`seed ${seed}: ${cases} cases, ${passed} requests passed on\n`);
    }
    assert.deepEqual(faults, [], `seed ${seed}`);
    assert.ok(passed > cases / 5, `only ${passed} of ${cases} passed`);
  });
});

test('a gateway that takes what HAProxy refuses is found', { skip }, async () => {
  await using lenient = await Recorder.start(true);
  await withSides(async (sides) => {
    const found = await fuzz({ ...sides, engine: lenient, ours: lenient }, (done) => done < 1000);
    assert.notDeepEqual(found.faults, []);
  });
});

/** Mistakes of a gateway, each made to what it passes on. */
const planted: readonly (readonly [string, (request: Recorded) => Recorded])[] = [
  ['loses an octet of a body', (request) => ({ ...request, body: request.body.slice(1) })],
  ['takes a target for another', (request) => ({ ...request, target: `/x${request.target}` })],
  [
    'passes a header on twice',
    ({ headers, ...rest }) => ({ ...rest, headers: [...headers, 'x: 1'] }),
  ],
  ['loses the trailers', (request) => ({ ...request, trailers: [] })],
];

for (const [name, change] of planted) {
  test(`a gateway that ${name} is found`, { skip }, async () => {
    await withSides(async (sides) => {
      const alter = (requests: readonly Recorded[]) => requests.map(change);
      const found = await fuzz({ ...sides, alter }, (done) => done < 300);
      assert.notDeepEqual(found.faults, []);
    });
  });
}
