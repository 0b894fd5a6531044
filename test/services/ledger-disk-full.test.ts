import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openSigningKey } from '../../src/adapters/system/signing-key.ts';
import { exportLedger } from '../../src/control/ledger/ledger-export.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import type { Recorder } from '../../src/control/recording/recorder.ts';
import { verifyExport } from '../../src/domain/evidence/verify-export.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import { smallDisk } from './small-disk.fixture.ts';

test('on a full disk nothing is half recorded, and recording goes on when there is space', async (context) => {
  await using disk = await smallDisk('2m');
  if (disk.refusal !== null) {
    context.skip(`cannot mount a small tmpfs here (needs root): ${disk.refusal}`);
    return;
  }
  const filler = join(disk.path, 'filler');
  await writeFile(filler, Buffer.alloc(700_000));
  const folder = join(disk.path, 'state');
  const signer = await openSigningKey(folder);
  let acknowledged = 0;
  {
    await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal());
    await using recorder = await openRecorder({ store, signer, clock, version: '0.1.0' }, signal());
    acknowledged = await recordUntilFull(recorder);
    assert.ok(acknowledged > 5, `${acknowledged} entries fitted`);
    assert.equal((await store.head(signal())).size, 1 + acknowledged);
    await assert.rejects(recordOne(recorder, acknowledged), isFull, 'it stays full');

    await rm(filler);
    await recordOne(recorder, acknowledged);
    acknowledged += 1;
    assert.equal((await store.head(signal())).size, 1 + acknowledged);
  }
  await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal());
  const report = await verifyExport(exportLedger(store, signer, signal()), {
    trustedKeyId: signer.keyId,
  });
  assert.equal(report.firstProblem, null);
  assert.equal(report.entries, 1 + acknowledged);
});

test('a ledger that does not fit on the disk at all cannot be opened, and the reason is space', async (context) => {
  await using disk = await smallDisk('64k');
  if (disk.refusal !== null) {
    context.skip(`cannot mount a small tmpfs here (needs root): ${disk.refusal}`);
    return;
  }
  await assert.rejects(
    openSqliteLedger({ folder: join(disk.path, 'state'), sizeLimitBytes: null }, signal()),
    isFull,
  );
});

const clock = { nowMs: () => 1_000, sleep: () => Promise.reject(new Error('not needed')) };

/** Far more than the disk holds. */
const MOST_ENTRIES = 1_000;

async function recordUntilFull(recorder: Recorder): Promise<number> {
  for (let number = 0; number < MOST_ENTRIES; number += 1) {
    try {
      await recordOne(recorder, number);
    } catch (error) {
      assert.ok(isFull(error), String(error));
      return number;
    }
  }
  return assert.fail(`${MOST_ENTRIES} entries fitted on the small disk`);
}

async function recordOne(recorder: Recorder, number: number): Promise<void> {
  const data = { text: `${number}`.repeat(10).padEnd(20_000, 'x') };
  const entry = { type: 'gate-result' as const, subjects: [], idempotencyKey: `${number}`, data };
  const blobs = [{ name: 'samples', bytes: Buffer.alloc(5_000, number) }];
  await recorder.record({ stream: 's', entries: [entry], blobs }, signal());
}

function isFull(error: unknown): boolean {
  return error instanceof LedgerError && error.code === 'full' && error.retryable;
}

function signal(): AbortSignal {
  return AbortSignal.timeout(30_000);
}
