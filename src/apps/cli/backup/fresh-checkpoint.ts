import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { openSqliteLedger } from '../../../adapters/sqlite/sqlite-ledger-store.ts';
import { SystemClock } from '../../../adapters/system/system-clock.ts';
import { Checkpointer } from '../../../control/ledger/checkpointer.ts';
import { lastObservedAtMs } from '../../../control/recording/recorder-index.ts';
import type { NoteSigner } from '../../../ports/identity.ts';
import type { StoredCheckpoint } from '../../../ports/ledger-tree.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { openLedgerReader } from '../ledger/ledger-reader.ts';
import type { Session } from '../session.ts';
import { isRunning, readServerFile } from '../state-folder.ts';

/** Over all that is recorded now: made by the server, or, where none runs, here. */
export async function freshCheckpoint(
  session: Session,
  signers: readonly NoteSigner[],
): Promise<StoredCheckpoint> {
  const { signal, stateFolder } = session;
  if (await hasServer(session)) {
    using client = await Client.connect(session);
    await client.post('/v1/ledger/checkpoint', { signal });
  } else if (existsSync(join(stateFolder, 'ledger.db'))) {
    await using store = await openSqliteLedger(
      { folder: stateFolder, sizeLimitBytes: null },
      signal,
    );
    const { size } = await store.head(signal);
    const newest = (await store.checkpoints(0, signal)).at(-1);
    // One of the same size may have cosignatures, which a new one here would not have.
    if (newest?.size !== size && size > 0) {
      const clock = new SystemClock({ notBeforeMs: await lastObservedAtMs(store, signal) });
      await new Checkpointer({
        store,
        tree: store,
        signers: () => signers,
        witnesses: [],
        quorum: { kind: 'none' },
        clock,
        onProblem: () => undefined,
      }).make(signal, { isKept: true });
    }
  }
  await using ledger = await openLedgerReader(session);
  const newest = (await ledger.checkpoints(0, signal)).at(-1);
  const { size } = await ledger.head(signal);
  if (newest !== undefined && newest.size < size && !(await hasServer(session))) {
    throw new CliError(`the newest checkpoint has ${newest.size} of ${size} entries`, {
      code: 'refused',
      remedy: 'start the server, which signs the others, and try again: tidegate up',
    });
  }
  if (newest !== undefined) return newest;
  throw new CliError('the ledger has no entry yet: there is nothing to back up', {
    code: 'refused',
    remedy: 'start the server once: tidegate up',
  });
}

async function hasServer({ stateFolder }: Session): Promise<boolean> {
  const server = await readServerFile(stateFolder);
  return server !== null && (await isRunning(server));
}
