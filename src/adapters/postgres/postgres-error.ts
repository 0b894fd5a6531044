import { LedgerError } from '../../ports/ledger-store.ts';

interface Meaning {
  readonly code: LedgerError['code'];
  readonly retryable: boolean;
  readonly remedy: string;
}

/** By SQLSTATE, or by its first two characters (PostgreSQL manual, appendix A). What isn't here is `io` and not tried again. */
const meanings: Readonly<Record<string, Meaning>> = {
  '08': io('is PostgreSQL running, and can it be reached?'),
  '40': io('another transaction was in the way'),
  '53': io('see its limits and its load'),
  '53100': { code: 'full', retryable: true, remedy: 'free space on its disk' },
  '57': io('it is tried again'),
  '57014': io('the statement took longer than statement_timeout; see what else it does'),
  '55P03': io('somebody holds a lock on the ledger; see pg_locks'),
  '58': io('see its log and its disk'),
  '25006': io('it takes no writes; is it a standby?'),
  '28': { code: 'denied', retryable: true, remedy: 'check user and password of the URL' },
  '42501': {
    code: 'denied',
    retryable: true,
    remedy: 'give the role its rights: docs/guides/postgres.md has the statements',
  },
  '3D000': { code: 'io', retryable: false, remedy: 'make it: createdb NAME' },
  '42P01': corrupt('a table is missing'),
  '42703': corrupt('a column is missing'),
  '3F000': corrupt('the schema tidegate is missing'),
  XX: corrupt('the database itself is damaged'),
};

function io(remedy: string): Meaning {
  return { code: 'io', retryable: true, remedy };
}

function corrupt(what: string): Meaning {
  return { code: 'corrupt', retryable: false, remedy: `${what}; restore it from a backup` };
}

/** System errors of the connection, and what TLS says of a certificate. */
const unreachable = io('is PostgreSQL running, and can it be reached?');
const untrusted: Meaning = {
  code: 'io',
  retryable: true,
  remedy: 'check sslrootcert, the host name of the URL and the certificate of the server',
};

/** An error of `pg` in the words of the port. `where` is HOST:PORT/DATABASE; nothing of a URL's user or password is told. */
export function asLedgerError(error: unknown, doing: string, where: string): LedgerError {
  if (error instanceof LedgerError) return error;
  if (!(error instanceof Error)) throw error;
  const { code, retryable, remedy } = meaningOf(error);
  const because = whatIsSaid(error);
  const ending = remedy === '' ? '' : `; ${remedy}`;
  return new LedgerError(code, `cannot ${doing} (PostgreSQL at ${where}): ${because}${ending}`, {
    retryable,
    cause: error,
  });
}

function meaningOf(error: Error): Meaning {
  const state = sqlStateOf(error);
  if (state !== null) {
    const known = meanings[state] ?? meanings[state.slice(0, 2)];
    return known ?? { code: 'io', retryable: false, remedy: '' };
  }
  const code = 'code' in error ? String(error.code) : '';
  if (/CERT|SELF_SIGNED|UNABLE_TO|^ERR_TLS|^ERR_SSL/.test(code)) return untrusted;
  if (/does not support SSL/.test(error.message)) {
    return { ...untrusted, remedy: 'turn TLS on there, or say sslmode=disable' };
  }
  // pg has no code for a lost connection or a time limit of its own: all of them may pass.
  return unreachable;
}

/** Null: it does not come from the server. */
export function sqlStateOf(error: unknown): string | null {
  const isServers = error instanceof Error && 'severity' in error && 'code' in error;
  return isServers && typeof error.code === 'string' ? error.code : null;
}

function whatIsSaid(error: Error): string {
  const state = sqlStateOf(error);
  if (state !== null) return `${error.message} (SQLSTATE ${state})`;
  // A host with several addresses: the errors of each stand inside, and the outer message is empty.
  if (error instanceof AggregateError) return error.errors.map((each) => each.message).join(', ');
  return error.message;
}
