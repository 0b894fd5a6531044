/**
 * The differential fuzzer: ours against llhttp and node:http. A short run with a fixed seed here; an hour of it, from a
 * seed that it prints, by `node src/apps/gateway/http1/fuzz.test.ts --seconds 3600`.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseArgs } from 'node:util';
import { requestRows } from './corpus-rows.fixture.ts';
import { fuzz, type FuzzReport, type FuzzSubject } from './fuzz.fixture.ts';
import { LlhttpReader } from './llhttp-reading.fixture.ts';
import { NodeReader } from './node-reading.fixture.ts';
import {
  type ReadConnection,
  requestsReader,
  responsesReader,
  wideLimits,
} from './reading.fixture.ts';
import { responseRows } from './response-corpus.fixture.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
  strict: false,
});
const seconds = values.seconds === undefined ? null : Number(values.seconds);
const fixedSeed = 20_261_120;
const seed = Number(values.seed ?? (seconds === null ? fixedSeed : Date.now() % 2 ** 31));

const requestsLlhttp = new LlhttpReader('request');
const responsesLlhttp = new LlhttpReader('response');
const node = new NodeReader();

const requests: FuzzSubject = {
  rows: requestRows.map(([, , octets]) => octets),
  read: requestsReader(),
  readSent: requestsReader(wideLimits),
  llhttp: (octets) => requestsLlhttp.read(octets),
  node: (octets) => node.read(octets),
};
const responses: FuzzSubject = {
  rows: responseRows.map(([, , octets]) => octets),
  read: responsesReader(),
  readSent: responsesReader(wideLimits),
  llhttp: (octets) => responsesLlhttp.read(octets),
  node: null,
};

for (const [name, subject] of [
  ['requests', requests],
  ['answers', responses],
] as const) {
  test(`of changed ${name}, none is passed on that another parser refuses or reads otherwise`, async () => {
    const report = await run(subject, 3000);
    assert.deepEqual(report.faults, [], `seed ${seed}`);
    assert.ok(report.passed > report.cases / 50, `only ${report.passed} of ${report.cases} passed`);
    // What ours took and llhttp did not would be refused by the two; it has never been seen, and is worth a look.
    assert.deepEqual(report.secondOpinions, [], `seed ${seed}`);
  });
}

/** Mistakes that others have made, each built in before our reader or behind it. */
const planted: readonly (readonly [name: string, read: ReadConnection])[] = [
  ['takes LF for CR LF', reading((text) => text.replaceAll(/\r?\n/g, '\r\n'))],
  ['takes a space before a colon', reading((text) => text.replaceAll(/ +:/g, ':'))],
  ['takes the first of two lengths', reading(withoutSecondLength)],
  ['unfolds lines', reading((text) => text.replaceAll(/\r\n[ \t]+/g, ' '))],
  ['ignores a length beside chunked', reading(withoutLengthBesideChunked)],
  [
    'takes blanks behind a chunk size',
    reading((text) => text.replaceAll(/([0-9a-f]) \r\n/g, '$1\r\n')),
  ],
  ['forgets an octet where the bytes are cut', cutting()],
  [
    'sends a length of its own beside the framing',
    sending((text) => text.replace('\r\n\r\n', '\r\ncontent-length: 3\r\n\r\n')),
  ],
  ['sends a body that is too long', sending((text) => `${text}x`)],
];

for (const [name, read] of planted) {
  test(`a reader that ${name} is found`, async () => {
    const report = await fuzz(
      { ...requests, read },
      { seed: fixedSeed, goesOn: (cases) => cases < 20_000 },
    );
    assert.notDeepEqual(report.faults, [], `nothing found in ${report.cases} cases`);
  });
}

async function run(subject: FuzzSubject, cases: number): Promise<FuzzReport> {
  const until = seconds === null ? null : performance.now() + (seconds * 1000) / 2;
  const goesOn = (done: number) => (until === null ? done < cases : performance.now() < until);
  const report = await fuzz(subject, { seed, goesOn });
  if (seconds !== null) {
    const { cases: tried, passed, byNode } = report;
    process.stdout.write(
      `seed ${seed}: ${tried} cases, ${passed} passed on, ${byNode} shown to node:http\n`,
    );
  }
  return report;
}

function reading(before: (text: string) => string): ReadConnection {
  return (octets, cuts) => {
    const text = before(octets.toString('latin1'));
    const fitting = cuts.filter((cut) => cut <= text.length);
    return requests.read(Buffer.from(text, 'latin1'), fitting);
  };
}

function withoutSecondLength(text: string): string {
  return text.replaceAll(/(\r\nContent-Length:[^\r\n]*)\r\nContent-Length:[^\r\n]*/gi, '$1');
}

function withoutLengthBesideChunked(text: string): string {
  return text.replaceAll(/(\r\nTransfer-Encoding: chunked)\r\nContent-Length:[^\r\n]*/gi, '$1');
}

function cutting(): ReadConnection {
  return (octets, cuts) => {
    const [first] = cuts;
    if (first === undefined) return requests.read(octets, cuts);
    return requests.read(
      Buffer.concat([octets.subarray(0, first), octets.subarray(first + 1)]),
      [],
    );
  };
}

function sending(after: (text: string) => string): ReadConnection {
  return (octets, cuts) => {
    const found = requests.read(octets, cuts);
    return { ...found, sent: found.sent.map(after) };
  };
}
