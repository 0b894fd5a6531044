/**
 * `node ledger-faults.fixture.ts FOLDER`: makes keys, records, signs a checkpoint and closes, telling each thing once it is said to be
 * done, one JSON a line. Whatever fails is told with its error and, where the error says so, tried again.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';

import { openSqliteLedger } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openLogNoteSigners } from '../../src/adapters/system/note-signing-key.ts';
import { createPersonKey } from '../../src/adapters/system/person-key.ts';
import { openSigningKey } from '../../src/adapters/system/signing-key.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { Checkpointer } from '../../src/control/ledger/checkpointer.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';

const BATCHES = 6;
const MOST_TRIES = 4;
/** A pipe of its own: the ledger's calls are told apart by their files. */
const TOLD = 3;

const [, , folder = ''] = process.argv;
const signal = AbortSignal.timeout(60_000);

await trying('keys', async () => {
  await openLogNoteSigners(folder);
});
await trying('person', async () => {
  await createPersonKey('ana', { path: join(folder, 'person.json'), passphrase: null });
});
await trying('ledger', useLedger);

async function useLedger(): Promise<void> {
  await using store = await openSqliteLedger({ folder, sizeLimitBytes: null }, signal);
  const signer = await openSigningKey(folder);
  const clock = new SystemClock({ notBeforeMs: 0 });
  const parts = { store, tree: store, signer, clock, version: '0.1.0' };
  await using recorder = await openRecorder(parts, signal);
  for (let batch = 0; batch < BATCHES; batch += 1) {
    await trying(`batch ${batch}`, async () => {
      const entries = [0, 1].map((at) => ({
        type: 'gate-result' as const,
        subjects: [],
        idempotencyKey: `${batch}/${at}`,
        data: { batch, at, text: 'x'.repeat(2_000) },
      }));
      const blobs = [{ name: 'samples', bytes: Buffer.alloc(20_000, batch + 1) }];
      const places = await recorder.record({ stream: 'service/web', entries, blobs }, signal);
      for (const { index, leafHash } of places) tell({ kind: 'entry', index, leafHash });
    });
  }
  await trying('checkpoint', async () => {
    const signers = await openLogNoteSigners(folder);
    const { size } = await new Checkpointer({
      store,
      tree: store,
      signers: () => signers,
      witnesses: [],
      quorum: { kind: 'none' },
      clock,
      onProblem: () => undefined,
    }).make(signal);
    tell({ kind: 'checkpoint', size });
  });
}

async function trying(what: string, run: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await run();
      tell({ kind: 'done', what });
      return;
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      const isRetryable =
        error instanceof Error && 'retryable' in error && error.retryable === true;
      tell({ kind: 'error', what, name, code, message });
      if (!isRetryable || tries === MOST_TRIES) return;
    }
  }
}

function tell(what: object): void {
  writeSync(TOLD, `${JSON.stringify(what)}\n`);
}
