import { createRequire } from 'node:module';
import { BodyReader } from '../../src/apps/gateway/http1/body-reader.ts';
import { bodyStep } from '../../src/apps/gateway/http1/chunked-decoder.ts';
import { FixedLines, FixedValue } from '../../src/apps/gateway/http1/fixed-lines.ts';
import { framing, RequestHead, ResponseHead } from '../../src/apps/gateway/http1/head.ts';
import { OctetWriter } from '../../src/apps/gateway/http1/octet-writer.ts';
import { parseRequestHead } from '../../src/apps/gateway/http1/request-head.ts';
import { writeRequestHead } from '../../src/apps/gateway/http1/request-writer.ts';
import { parseResponseHead } from '../../src/apps/gateway/http1/response-head.ts';
import { writeResponseHead } from '../../src/apps/gateway/http1/response-writer.ts';
import { SecondOpinion } from '../../src/apps/gateway/http1/second-opinion.ts';
import { trailersHead } from '../../src/apps/gateway/http1/trailers.ts';
import { type BenchOptions, type BenchReport, cell, medianOf, rounded } from '../form.ts';
import { chunkedBytes, requestBytes, responseBytes } from './heads.ts';

export const about =
  'CPU and garbage of parsing, checking and writing one HTTP/1.1 head, and of taking chunks apart';

type Work = () => unknown;

const opinion = new SecondOpinion();
const requestHead = new RequestHead();
const responseHead = new ResponseHead();
const writer = new OctetWriter();
const out = Buffer.alloc(32_768);

const requestAdditions = {
  callerAddress: FixedValue.of('192.0.2.1'),
  scheme: FixedValue.of('http'),
  traceparent: Buffer.from('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),
  lines: null,
  isTunnel: false,
  takesTrailers: false,
  expectsContinue: false,
};
const responseAdditions = {
  callerMinorVersion: 1,
  keepAlive: true,
  lines: FixedLines.of([['x-tidegate-revision', 'checkout-r1']]),
  isTunnel: false,
};

const parseRequest: Work = () =>
  parseRequestHead(requestHead, requestBytes, 0, requestBytes.length);
const parseResponse: Work = () =>
  parseResponseHead(responseHead, responseBytes, 0, responseBytes.length);
const writeRequest: Work = () => {
  writer.begin(out, 0);
  writeRequestHead(writer, requestHead, requestAdditions);
};
const writeResponse: Work = () => {
  writer.begin(out, 0);
  writeResponseHead(writer, responseHead, responseAdditions);
};

export async function run({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  parseRequest();
  parseResponse();
  const works = new Map<string, Work>([
    ['request: ours', parseRequest],
    ['request: llhttp (wasm), compared', () => opinion.agreesOnRequest(requestHead)],
    ['request: written', writeRequest],
    ['answer: ours', parseResponse],
    ['answer: llhttp (wasm), compared', () => opinion.agreesOnResponse(responseHead)],
    ['answer: written', writeResponse],
    ['64 KiB in 64 chunks', chunks()],
  ]);
  const native = nativeParser();
  if (native !== null) works.set("request: Node's own parser, with strings", native);
  const rounds = isQuick ? 15 : 61;
  const figures = new Map([...works.keys()].map((name) => [name, emptyFigures()]));
  for (const work of works.values()) repeat(work, 20_000);
  for (let round = 0; round < rounds && !signal.aborted; round += 1) {
    for (const [name, work] of works) measure(work, figures.get(name));
    if (round % 20 === 0) say(`round ${round + 1} of ${rounds}`);
  }
  const nsOf = (name: string) => medianOf(figures.get(name)?.ns ?? []);
  return {
    tables: [
      {
        heads: ['WORK', 'NS (MEDIAN)', 'NS (LEAST)', 'HEAP BYTES'],
        rows: [...figures].map(([name, { ns, bytes }]) => [
          name,
          cell(medianOf(ns)),
          cell(Math.min(...ns)),
          cell(medianOf(bytes)),
        ]),
      },
    ],
    notes: [
      `Requests of ${requestBytes.length} and answers of ${responseBytes.length} octets, 10 headers each; CPU time, interleaved, ${rounds} rounds.`,
      "The written request has Host, three X-Forwarded lines and traceparent. Node's own parser makes 20 strings, as it does in node:http.",
    ],
    result: {
      requestNs: rounded(nsOf('request: ours')),
      requestSecondNs: rounded(nsOf('request: llhttp (wasm), compared')),
      requestWriteNs: rounded(nsOf('request: written')),
      answerNs: rounded(nsOf('answer: ours')),
      answerSecondNs: rounded(nsOf('answer: llhttp (wasm), compared')),
      answerWriteNs: rounded(nsOf('answer: written')),
      chunks64KiBNs: rounded(nsOf('64 KiB in 64 chunks')),
      nodeRequestNs:
        native === null ? null : rounded(nsOf("request: Node's own parser, with strings")),
      heapBytesPerRequest: rounded(medianOf(figures.get('request: ours')?.bytes ?? [])),
    },
  };
}

interface Figures {
  readonly ns: number[];
  readonly bytes: number[];
}

function emptyFigures(): Figures {
  return { ns: [], bytes: [] };
}

const batch = 5000;

function measure(work: Work, figures: Figures | undefined): void {
  const heapBefore = process.memoryUsage().heapUsed;
  const before = process.cpuUsage();
  repeat(work, batch);
  const { user, system } = process.cpuUsage(before);
  const heap = process.memoryUsage().heapUsed - heapBefore;
  figures?.ns.push(((user + system) * 1000) / batch);
  // A collection in between makes it negative: no figure.
  if (heap >= 0) figures?.bytes.push(heap / batch);
}

function repeat(work: Work, times: number): void {
  for (let time = 0; time < times; time += 1) work();
}

function chunks(): Work {
  const reader = new BodyReader(trailersHead());
  const body = { framing: framing.chunked, contentLength: -1 };
  return () => {
    reader.begin(body);
    let at = 0;
    while (reader.step(chunkedBytes, at, chunkedBytes.length) === bodyStep.data) at = reader.next;
  };
}

interface NativeParser {
  initialize: (type: number, resource: object) => void;
  execute: (bytes: Buffer) => number;
}

/** node:http's parser by itself; it has no public interface, so it may be missing one day. Null: it is. */
function nativeParser(): Work | null {
  try {
    const { HTTPParser } = createRequire(import.meta.url)('_http_common') as {
      readonly HTTPParser: (new () => NativeParser) & { readonly REQUEST: number };
    };
    const parser = new HTTPParser();
    return () => {
      parser.initialize(HTTPParser.REQUEST, {});
      return parser.execute(requestBytes);
    };
  } catch {
    // Only for scale; the other figures stand without it.
    return null;
  }
}
