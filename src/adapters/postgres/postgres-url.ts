import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';

import { LedgerError } from '../../ports/ledger-store.ts';

/** Where a PostgreSQL is and how to speak to it; the password is not enumerable, so that nothing prints it. */
export interface PostgresAddress {
  /** `HOST:PORT/DATABASE`, without user and password: for messages. */
  readonly shown: string;
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Null: the one that PGUSER or the system names. */
  readonly user: string | null;
  /** Null: the one in PGPASSWORD, or none. */
  readonly password: string | null;
  /** Null: without TLS. */
  readonly tls: ConnectionOptions | null;
  readonly connectTimeoutMs: number;
  /** The server ends a statement that takes longer. */
  readonly statementTimeoutMs: number;
}

const parameters = [
  'host',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
  'statement_timeout',
] as const;

type Parameters = Readonly<Partial<Record<(typeof parameters)[number], string>>>;

const textLengthMax = 4_096;

/**
 * Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full&sslrootcert=FILE`, with libpq's names (PostgreSQL manual,
 * section 34.1.1.2). Other than libpq it never begins in the clear by itself: a host that is not this machine wants an `sslmode`.
 * Throws a LedgerError that names the part and the remedy, and never the password.
 */
export function parsePostgresUrl(text: string): PostgresAddress {
  const url = text.length <= textLengthMax ? URL.parse(text.trim()) : null;
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw wrong('it is not of the form postgres://USER@HOST:PORT/DATABASE');
  }
  const given = readParameters(url.searchParams);
  const host = decoded(url.hostname).replace(/^\[(.*)\]$/, '$1') || (given.host ?? '');
  if (host === '') throw wrong('it names no host: as in postgres://tidegate@db.example/tidegate');
  if (host.includes(',')) throw wrong('it names several hosts: give one, or a proxy in front');
  const database = decoded(url.pathname.slice(1));
  if (database === '') throw wrong('it names no database: as in postgres://HOST/tidegate');
  const port = url.port === '' ? 5432 : Number(url.port);
  const address = {
    shown: `${host}:${port}/${database}`,
    host,
    port,
    database,
    user: url.username === '' ? null : decoded(url.username),
    tls: tlsOf(given, host),
    connectTimeoutMs: 1_000 * numberOf(given, 'connect_timeout', { least: 1, most: 60, or: 5 }),
    statementTimeoutMs: numberOf(given, 'statement_timeout', {
      least: 100,
      most: 600_000,
      or: 15_000,
    }),
  };
  const password = url.password === '' ? null : decoded(url.password);
  return Object.defineProperty({ ...address, password }, 'password', { enumerable: false });
}

function readParameters(search: URLSearchParams): Parameters {
  const given: Partial<Record<(typeof parameters)[number], string>> = {};
  for (const [name, value] of search) {
    const known = parameters.find((each) => each === name);
    if (known === undefined) {
      throw wrong(`the parameter ${name} is unknown; known are ${parameters.join(', ')}`);
    }
    given[known] = value;
  }
  return given;
}

function tlsOf(given: Parameters, host: string): ConnectionOptions | null {
  const mode = given.sslmode;
  if (mode === undefined) {
    if (isThisMachine(host)) return null;
    throw wrong(
      `${host} is another machine and nothing is said of TLS: add ?sslmode=verify-full (with sslrootcert=FILE for a ` +
        'certificate authority of your own), or ?sslmode=disable where nobody else can listen',
    );
  }
  if (mode === 'disable') return null;
  if (mode !== 'verify-full' && mode !== 'verify-ca') {
    throw wrong(
      `sslmode=${mode} would not check who answers: use verify-full, verify-ca (any name of the authority) or disable`,
    );
  }
  if (host.startsWith('/')) throw wrong('a Unix socket has no TLS: leave out sslmode');
  const { sslcert, sslkey } = given;
  if ((sslcert === undefined) !== (sslkey === undefined)) {
    throw wrong('sslcert and sslkey come together');
  }
  return {
    ...(given.sslrootcert === undefined ? {} : { ca: fileOf('sslrootcert', given.sslrootcert) }),
    ...(sslcert === undefined ? {} : { cert: fileOf('sslcert', sslcert) }),
    ...(sslkey === undefined ? {} : { key: fileOf('sslkey', sslkey) }),
    // The chain is checked in any case; the name only with verify-full.
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
  };
}

function isThisMachine(host: string): boolean {
  return host.startsWith('/') || ['localhost', '::1'].includes(host) || host.startsWith('127.');
}

function fileOf(parameter: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw wrong(`the file of ${parameter}, ${path}, cannot be read (${why})`);
  }
}

function numberOf(
  given: Parameters,
  name: 'connect_timeout' | 'statement_timeout',
  { least, most, or }: { readonly least: number; readonly most: number; readonly or: number },
): number {
  const text = given[name];
  if (text === undefined) return or;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw wrong(`${name}=${text} must be a whole number from ${least} to ${most}`);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw wrong('a part of it has a % that is not followed by two hexadecimal digits');
  }
}

function wrong(what: string): LedgerError {
  return new LedgerError('io', `cannot use the URL of the store: ${what}`, { retryable: false });
}
