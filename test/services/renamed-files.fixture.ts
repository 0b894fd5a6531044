/**
 * `node renamed-files.fixture.ts STATE BACKUP EXPORT NOTE`: writes the files that take the place of earlier ones by a rename, telling
 * each thing once it is said to be done, or with its error, one JSON a line on descriptor 3.
 */
import { writeSync } from 'node:fs';

import { rememberLedgerPlace } from '../../src/adapters/system/ledger-place.ts';
import { rememberCheckpoint } from '../../src/adapters/system/newest-checkpoint.ts';
import { backup } from '../../src/apps/cli/actions/backup.ts';
import { ledgerExport } from '../../src/apps/cli/actions/ledger.ts';
import { openSession } from '../../src/apps/cli/session.ts';

const [, , state = '', backupFolder = '', exportFolder = '', note = ''] = process.argv;
const session = openSession({ state }, AbortSignal.timeout(120_000));
const wish = { url: null, urlFile: null, environmentUrl: 'postgres://localhost/x' };

await telling('remember', () => rememberCheckpoint(state, note));
await telling('backup', () => backup(session, backupFolder, { version: '0.1.0' }));
await telling('export', () => ledgerExport(session, exportFolder, {}));
// The last: a folder that remembers another place has no ledger for those before.
await telling('place', () => rememberLedgerPlace(state, wish, 'f'.repeat(64)));

async function telling(what: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
    tell({ kind: 'done', what });
  } catch (error) {
    tell({ kind: 'error', what, message: error instanceof Error ? error.message : String(error) });
  }
}

function tell(what: object): void {
  writeSync(3, `${JSON.stringify(what)}\n`);
}
