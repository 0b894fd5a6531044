import { join } from 'node:path';

import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openSigningKey } from '../../src/adapters/system/signing-key.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import { quantileOf } from '../form.ts';
import { gateResult } from './filled-ledger.ts';

export interface AppendTimes {
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** Processor time for each entry, which a busy machine disturbs less than the clock. */
  readonly cpuUs: number;
}

/** One entry a transaction, each awaited: drafted, signed, synced to the disk, tree and all. */
export async function measureAppends(
  folder: string,
  count: number,
  signal: AbortSignal,
): Promise<AppendTimes> {
  await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
  const signer = await openSigningKey(join(folder, 'keys'));
  const clock = new SystemClock({ notBeforeMs: 0 });
  const parts = { store, tree: store, signer, clock, version: '0.1.0' };
  await using recorder = await openRecorder(parts, signal);
  const tookMs: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let n = 0; n < count; n += 1) {
    const startedMs = performance.now();
    const entry = {
      type: 'gate-result' as const,
      subjects: [],
      idempotencyKey: `${n}`,
      data: gateResult(n),
    };
    await recorder.record({ stream: 'service/web', entries: [entry], blobs: [] }, signal);
    tookMs.push(performance.now() - startedMs);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const cpuUs = (user + system) / count;
  return { p50Ms: quantileOf(tookMs, 0.5), p99Ms: quantileOf(tookMs, 0.99), cpuUs };
}
