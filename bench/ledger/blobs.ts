import { join } from 'node:path';

import { BlobFolder } from '../../src/adapters/blob-folder/blob-folder.ts';
import { sha256Hex } from '../../src/domain/evidence/digest.ts';
import { normal, poisson, seeded } from '../../src/domain/gate/simulated-traffic.fixture.ts';
import type { LoadPoint } from '../../src/domain/load/load-series.ts';
import { latencyBucket } from '../../src/domain/traffic/samples/latency-buckets.ts';
import type {
  InstanceCount,
  TrafficSample,
} from '../../src/domain/traffic/samples/traffic-sample.ts';

/** Bytes on the disk of what one release leaves beside the ledger, on average. */
export interface ReleaseBlobs {
  readonly samplesBytes: number;
  readonly loadResultBytes: number;
  readonly logsBytes: number;
  readonly allBytes: number;
}

/** As a release is taken to be; of one in ten that went back there are logs, too. */
export const RELEASE = {
  minutes: 10,
  requestsPerSecond: 100,
  loadMinutes: 1,
  logLines: 4_000,
  rollbackRatio: 0.1,
} as const;

const STARTED_AT_MS = 1_763_750_000_000;
const SAMPLE_MS = 100;

/** Keeps what one release leaves as the server keeps it, and weighs it. Seeded: the same each time but for the packing. */
export async function measureBlobs(folder: string, signal: AbortSignal): Promise<ReleaseBlobs> {
  const store = await BlobFolder.open(join(folder, 'blobs'), { quotaBytes: 1024 ** 3 });
  const stored = async (text: string): Promise<number> => {
    const before = store.usedBytes;
    const bytes = Buffer.from(text);
    await store.put(sha256Hex(bytes), bytes, signal);
    return store.usedBytes - before;
  };
  const random = seeded(1);
  const samplesBytes = await stored(linesOf(samples(random)));
  const loadResultBytes = await stored(`${JSON.stringify(loadResult(random))}\n`);
  const logsBytes = await stored(linesOf(logLines(random)));
  const allBytes = samplesBytes + loadResultBytes + RELEASE.rollbackRatio * logsBytes;
  return { samplesBytes, loadResultBytes, logsBytes, allBytes };
}

function linesOf(values: Iterable<object>): string {
  return [...values].map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** Three instances of stable and two of a candidate at 10 %; latencies lognormal around 80 ms. */
const ARMS: readonly (readonly [revisionId: string, instance: number, shareRatio: number])[] = [
  ['checkout-1111111111', 1, 0.3],
  ['checkout-1111111111', 2, 0.3],
  ['checkout-1111111111', 3, 0.3],
  ['checkout-2222222222', 1, 0.05],
  ['checkout-2222222222', 2, 0.05],
];

function* samples(random: () => number): Generator<TrafficSample> {
  const count = (RELEASE.minutes * 60_000) / SAMPLE_MS;
  const mean = (RELEASE.requestsPerSecond * SAMPLE_MS) / 1_000;
  for (let number = 0; number < count; number += 1) {
    const counts = ARMS.flatMap(([revisionId, instance, shareRatio]) => {
      const requests = poisson(random, mean * shareRatio);
      const instanceId = `${revisionId}-${instance}`;
      return requests === 0 ? [] : [countOf({ revisionId, instanceId }, requests, random)];
    });
    // The gateway's timer is late by a little, and never the same.
    const atMs = STARTED_AT_MS + number * SAMPLE_MS + Math.floor(random() * 3);
    if (counts.length > 0) yield { atMs, service: 'checkout', counts, isCatchUp: false };
  }
}

function countOf(
  of: Pick<InstanceCount, 'revisionId' | 'instanceId'>,
  requests: number,
  random: () => number,
): InstanceCount {
  const buckets = new Map<number, number>();
  for (let number = 0; number < requests; number += 1) {
    const bucket = latencyBucket(80_000 * Math.exp(0.6 * normal(random)));
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
  }
  const failures = random() < requests * 0.002 ? 1 : 0;
  return {
    ...of,
    isMatched: false,
    byStatusClass: [0, requests - failures, 0, 0, failures, 0],
    latency: [...buckets].toSorted(([one], [other]) => one - other),
  };
}

/** What varies in a result of `tidegate load`: its series of 100 ms. */
function loadResult(random: () => number): { readonly series: readonly LoadPoint[] } {
  const series = Array.from(
    { length: (RELEASE.loadMinutes * 60_000) / SAMPLE_MS },
    (_, number) => ({
      atMs: STARTED_AT_MS + number * SAMPLE_MS,
      durationMs: SAMPLE_MS,
      requests: poisson(random, 80),
      errors: random() < 0.02 ? 1 : 0,
    }),
  );
  return { series };
}

function* logLines(random: () => number): Generator<object> {
  for (let number = 0; number < RELEASE.logLines; number += 1) {
    const ms = (80 * Math.exp(0.6 * normal(random))).toFixed(1);
    const trace = Math.floor(random() * 2 ** 52).toString(16);
    const text = `{"level":"info","msg":"POST /orders","status":200,"ms":${ms},"trace":"${trace}"}`;
    const at = new Date(STARTED_AT_MS + number * 10).toISOString();
    yield { at, instanceId: 'checkout-2222222222-1', stream: 'stdout', text };
  }
}
