import { type AccessRecord, accessLine } from '../../src/apps/gateway/access-log/access-line.ts';
import { RequestMetrics } from '../../src/apps/gateway/metrics/request-metrics.ts';
import { method } from '../../src/apps/gateway/http1/methods.ts';
import { type BenchOptions, type BenchReport, cell, medianOf, rounded } from '../form.ts';

export const about = 'CPU and garbage of what the gateway notes of each request';

const rounds = 7;
const traceId = Buffer.from('0af7651916cd43dd8448eb211c80319c');

/** What is measured: `note` is called once for each request. */
interface Subject {
  readonly name: string;
  readonly note: (request: number) => void;
}

export async function run({ isQuick, say }: BenchOptions): Promise<BenchReport> {
  const requests = isQuick ? 200_000 : 2_000_000;
  const figures = [metrics('metrics', null), metrics('metrics, traced', traceId), accessLog()].map(
    (subject) => {
      say(subject.name);
      return { name: subject.name, ...measured(subject, requests) };
    },
  );
  const [plain, traced, line] = figures;
  return Promise.resolve({
    tables: [
      {
        heads: ['NOTED', 'CPU NS A REQUEST', 'HEAP BYTES A REQUEST'],
        rows: figures.map(({ name, cpuNs, heapBytes }) => [name, cell(cpuNs), cell(heapBytes, 1)]),
      },
    ],
    notes: [
      `Medians of ${rounds} rounds of ${requests} requests, in this process and on one core.`,
      'Heap bytes are what was made and not yet collected; the access log is on demand.',
    ],
    result: {
      metricsNs: rounded(plain?.cpuNs ?? null, 1),
      metricsHeapBytes: rounded(plain?.heapBytes ?? null, 2),
      metricsTracedNs: rounded(traced?.cpuNs ?? null, 1),
      accessLogNs: rounded(line?.cpuNs ?? null, 1),
    },
  });
}

function measured(
  { note }: Subject,
  requests: number,
): { cpuNs: number | null; heapBytes: number | null } {
  for (let request = 0; request < requests / 10; request += 1) note(request);
  const cpuNs: number[] = [];
  const heapBytes: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { heapUsed } = process.memoryUsage();
    const before = process.cpuUsage();
    for (let request = 0; request < requests; request += 1) note(request);
    const { user, system } = process.cpuUsage(before);
    cpuNs.push(((user + system) * 1000) / requests);
    heapBytes.push(Math.max(0, process.memoryUsage().heapUsed - heapUsed) / requests);
  }
  return { cpuNs: medianOf(cpuNs), heapBytes: medianOf(heapBytes) };
}

const ended = {
  method: method.get,
  isSecure: false,
  status: 200,
  error: null,
  durationMs: 0.5,
  requestBodyBytes: 0,
  responseBodyBytes: 1024,
  endedAtMs: Date.UTC(2026, 0, 1),
};

/** One object for all, as a connection has it. */
function metrics(name: string, ofTrace: Buffer | null): Subject {
  const revision = new RequestMetrics().revision('shop', 'r1');
  const request = { ...ended, traceId: ofTrace };
  const note = (number: number): void => {
    request.durationMs = 0.1 + (number % 16) / 20;
    request.endedAtMs += 0.05;
    revision.record(request);
  };
  return { name, note };
}

function accessLog(): Subject {
  const record: AccessRecord & { durationMs: number } = {
    ...ended,
    methodText: 'GET',
    fault: null,
    access: null,
    target: '/cart/7?from=home',
    authority: 'shop.localhost',
    protocolVersion: '1.1',
    clientAddress: '127.0.0.1',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64)',
    destination: { service: 'shop', revisionId: 'r1', instanceId: 'r1-0' },
    trace: { traceId: traceId.toString(), spanId: 'b7ad6b7169203331' },
  };
  const note = (number: number): void => {
    record.durationMs = 0.1 + (number % 16) / 20;
    accessLine(record, { hasQuery: false });
  };
  return { name: 'a line of the access log', note };
}
