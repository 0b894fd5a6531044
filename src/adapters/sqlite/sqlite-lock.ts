import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

import { LedgerError } from '../../ports/ledger-store.ts';
import { asLedgerError } from './sqlite-error.ts';

/**
 * One writer to a state folder: an exclusive transaction held on an empty database of its own.
 *
 * The operating system drops the lock with the process, SIGKILL included, so nothing stale is ever left behind, and
 * readers of the ledger are not in its way. Nobody in this process may open `ledger.lock` or `ledger.db` other than
 * through SQLite: closing any descriptor of a file drops all the locks a process has on it (POSIX fcntl).
 */
export function lockFolder(folder: string): Disposable {
  const path = join(folder, 'ledger.lock');
  const database = openLockFile(path);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    const failure = asLedgerError(error, `lock ${path}`);
    if (failure.code !== 'locked') throw failure;
    throw new LedgerError(
      'locked',
      `cannot use the ledger in ${folder}: another process holds it; stop that server or choose another state folder`,
      { retryable: false, cause: error },
    );
  }
  return {
    [Symbol.dispose]: () => {
      if (database.isOpen) database.close();
    },
  };
}

function openLockFile(path: string): DatabaseSync {
  try {
    // No waiting: a second process is told at once.
    return new DatabaseSync(path, { timeout: 0 });
  } catch (error) {
    throw asLedgerError(error, `open ${path}`);
  }
}
