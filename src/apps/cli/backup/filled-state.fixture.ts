import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { BlobFolder } from '../../../adapters/blob-folder/blob-folder.ts';
import { openSqliteLedger } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { openLogKeys } from '../../../adapters/system/log-keys.ts';
import { SystemClock } from '../../../adapters/system/system-clock.ts';
import { BlobKeeper } from '../../../control/recording/blob-keeper.ts';
import { Checkpointer } from '../../../control/ledger/checkpointer.ts';
import { openRecorder } from '../../../control/recording/recorder.ts';

/** A folder of the tests, removed at the end. */
export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'tidegate-backup-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Brings the state folder to at least `size` entries, each with an input, and makes a checkpoint that is kept at each call. */
export async function fillState(stateFolder: string, size: number): Promise<void> {
  const signal = AbortSignal.timeout(120_000);
  await using store = await openSqliteLedger({ folder: stateFolder, sizeLimitBytes: null }, signal);
  const { signer, notes } = await openLogKeys(join(stateFolder, 'keys'));
  const clock = new SystemClock({ notBeforeMs: 0 });
  await using recorder = await openRecorder(
    { store, tree: store, signer, clock, version: '0.1.0' },
    signal,
  );
  const folder = await BlobFolder.open(join(stateFolder, 'blobs'), { quotaBytes: 1e6 });
  const keeper = new BlobKeeper({
    store: folder,
    recorder,
    clock,
    retentionMs: Infinity,
    log: () => undefined,
  });
  const blob = { name: 'samples', mediaType: 'text/plain', bytes: Buffer.from(`until ${size}`) };
  await keeper.keep({ service: 'gates', rolloutId: null }, [blob], signal);
  for (let n = recorder.size; n < size; n += 1) {
    const entry = {
      type: 'gate-result',
      subjects: [],
      idempotencyKey: `${n}`,
      data: { n },
    } as const;
    const blobs = [{ name: 'samples', bytes: Buffer.from(`samples of ${n} `.repeat(n % 5)) }];
    await recorder.record({ stream: `gates/${n % 3}`, entries: [entry], blobs }, signal);
  }
  await new Checkpointer({
    store,
    tree: store,
    signers: () => notes,
    witnesses: [],
    quorum: { kind: 'none' },
    clock,
    onProblem: () => undefined,
  }).make(signal, { isKept: true });
}
