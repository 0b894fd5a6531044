import { LedgerError } from '../../ports/ledger-store.ts';

/** Result codes of SQLite, https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;
/** The shared-memory file of the write-ahead log could not be made as large as needed: in practice a full disk. */
const SQLITE_IOERR_SHMSIZE = 10 | (19 << 8);

/** An error of node:sqlite in the words of the port; anything else is thrown on as it is. */
export function asLedgerError(error: unknown, doing: string): LedgerError {
  if (error instanceof LedgerError) return error;
  const code = resultCodeOf(error);
  if (code === null) throw error;
  const because = error instanceof Error ? error.message : String(error);
  const fail = (kind: LedgerError['code'], retryable: boolean, remedy: string): LedgerError =>
    new LedgerError(kind, `cannot ${doing}: ${because} (SQLite ${code})${remedy}`, {
      retryable,
      cause: error,
    });
  if (code === SQLITE_IOERR_SHMSIZE) return fail('full', true, '; free space on its disk');
  // The low byte is the primary code, the rest of it says more.
  switch (code & 0xff) {
    case SQLITE_FULL:
      return fail('full', true, '; free space on its disk');
    case SQLITE_BUSY:
      return fail('locked', true, '; another process is using it');
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fail('corrupt', false, '; restore the state folder from a backup');
    default:
      return fail('io', true, '');
  }
}

/** Null when the error is not one of SQLite's. */
export function resultCodeOf(error: unknown): number | null {
  const isSqlite = error instanceof Error && 'errcode' in error;
  return isSqlite && typeof error.errcode === 'number' ? error.errcode : null;
}
