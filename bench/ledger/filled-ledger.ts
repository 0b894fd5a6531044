import { join } from 'node:path';

import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import type { SqliteLedgerStore } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openSigningKey } from '../../src/adapters/system/signing-key.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { MAX_GROUP_ENTRIES } from '../../src/control/recording/recorder-pipeline.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import type { JsonValue } from '../../src/domain/evidence/canonical-json.ts';
import type { Signer } from '../../src/ports/identity.ts';

export interface FilledLedger extends AsyncDisposable {
  readonly store: SqliteLedgerStore;
  readonly signer: Signer;
}

/** A ledger of `count` gate results of a realistic size, in `services` streams, written as the server writes them. */
export async function fillLedger(
  folder: string,
  count: number,
  signal: AbortSignal,
): Promise<FilledLedger> {
  const store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
  const signer = await openSigningKey(join(folder, 'keys'));
  const clock = new SystemClock({ notBeforeMs: 0 });
  const parts = { store, tree: store, signer, clock, version: '0.1.0' };
  const recorder = await openRecorder(parts, signal);
  for (let size = recorder.size; size < count;) {
    const group = Math.min(MAX_GROUP_ENTRIES, count - size);
    const stream = `service/service-${Math.floor(size / MAX_GROUP_ENTRIES) % SERVICES}`;
    const entries = Array.from({ length: group }, (_, n) => ({
      type: 'gate-result' as const,
      subjects: [],
      idempotencyKey: `${stream}/${size + n}`,
      data: gateResult(size + n),
    }));
    // A turning point as a rollout has them: what was before it is not needed to go on.
    const state = { name: 'state', bytes: Buffer.from(`state at ${size}`) };
    await recorder.record({ stream, entries, blobs: [state] }, signal);
    size += group;
  }
  await recorder[Symbol.asyncDispose]();
  return { store, signer, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
}

const SERVICES = 10;

/** About 1.2 kB, which makes a statement of some 1.7 kB and an entry of some 2.5 kB: as the entries of a rollout have. */
export function gateResult(n: number): JsonValue {
  const metrics = Array.from({ length: 6 }, (_, m) => ({
    name: `metric-${m}`,
    candidate: { requests: 1_000 + ((n * 31 + m * 7) % 977), errors: (n * 13 + m) % 11 },
    stable: { requests: 9_000 + ((n * 17 + m * 3) % 997), errors: (n * 7 + m) % 23 },
    evidenceAgainst: ((n * 2_654_435_761 + m) % 1_000_003) / 1_000_003,
    evidenceFor: ((n * 40_503 + m * 11) % 999_983) / 99_998.3,
  }));
  return {
    decision: 'progress',
    rolloutId: `service-${n % SERVICES}-${n}`,
    weightPercent: n % 100,
    sentence: `the candidate is not worse in ${6 - (n % 3)} of 6 metrics after ${n % 600} s`,
    metrics,
  };
}
