import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assert as assertProperty, asyncProperty, nat } from 'fast-check';

import { MemoryLedgerStore } from '../../src/adapters/memory/memory-ledger-store.ts';
import { createMemorySigner } from '../../src/adapters/memory/memory-signer.ts';
import { exportLedger } from '../../src/control/ledger/ledger-export.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import { exportLines } from '../../src/domain/evidence/export-format.ts';
import { verifyExport } from '../../src/domain/evidence/verify-export.ts';

const FLIPS = 2_000;
const ENTRIES = 50;

test(`${FLIPS} random bit flips of an export of ${ENTRIES} entries are all found`, async () => {
  const signer = createMemorySigner(Buffer.alloc(32, 1));
  const file = await exportOf(signer, ENTRIES);
  const trustedKeyId = signer.keyId;
  assert.equal((await verifyExport(exportLines(whole(file)), { trustedKeyId })).valid, true);
  await assertProperty(
    asyncProperty(nat(file.length * 8 - 1), async (bit) => {
      const changed = Buffer.from(file);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const report = await verifyExport(exportLines(whole(changed)), { trustedKeyId });
      assert.equal(report.valid, false, `bit ${bit}`);
    }),
    { seed: 20_261_120, numRuns: FLIPS },
  );
});

async function exportOf(
  signer: ReturnType<typeof createMemorySigner>,
  count: number,
): Promise<Buffer> {
  const signal = AbortSignal.timeout(30_000);
  const store = new MemoryLedgerStore();
  const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };
  const recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal);
  for (let n = 1; n < count; n += 1) {
    const data = { n, metrics: Array.from({ length: 20 }, (_, m) => ({ m, value: m / (n + 1) })) };
    const entry = { type: 'gate-result' as const, subjects: [], idempotencyKey: `${n}`, data };
    await recorder.record({ stream: `s${n % 3}`, entries: [entry], blobs: [] }, signal);
  }
  const lines = await Array.fromAsync(exportLedger(store, signer, signal));
  return Buffer.from(lines.map((line) => `${line}\n`).join(''));
}

async function* whole(file: Uint8Array): AsyncIterable<Uint8Array> {
  yield file;
}
