import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, chown, copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { PostgresConnection } from '../../src/adapters/postgres/postgres-connection.ts';
import { openPostgresLedgerReader } from '../../src/adapters/postgres/postgres-ledger-reader.ts';
import { openPostgresLedger } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { bringToVersion, migrations } from '../../src/adapters/postgres/postgres-schema.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { leafHashHex, sha256Hex } from '../../src/domain/evidence/digest.ts';
import { LedgerError } from '../../src/ports/ledger-store.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

if (withoutPostgres !== false) {
  test('what PostgreSQL refuses', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start(
    { tcp: true, isHasty: true, settings: ['ssl=on'] },
    secured,
  );
  after(() => postgres[Symbol.asyncDispose]());
  const authority = join(postgres.folder, 'authority.crt');

  const rows: readonly (readonly [
    name: string,
    url: (url: string) => string,
    code: LedgerError['code'],
    message: RegExp,
  ])[] = [
    [
      'a wrong password',
      (url) => postgres.tcpUrlOf(url).replace(postgres.password, 'wrong'),
      'denied',
      /password authentication failed.*check user and password of the URL/,
    ],
    [
      'no server at that address',
      (url) => url.replace(encodeURIComponent(postgres.folder), encodeURIComponent('/nowhere')),
      'io',
      /ENOENT.*is PostgreSQL running/,
    ],
    ['a database that is not there', (url) => `${url}_none`, 'io', /does not exist.*createdb/],
    [
      'a certificate that nobody known has signed',
      (url) => postgres.tcpUrlOf(url, '?sslmode=verify-full'),
      'io',
      /certificate.*check sslrootcert/,
    ],
    [
      'a certificate of another name',
      (url) => postgres.tcpUrlOf(url, `?sslmode=verify-full&sslrootcert=${authority}`),
      'io',
      /does not match certificate.*check sslrootcert/,
    ],
  ];
  for (const [name, wrong, code, message] of rows) {
    test(`${name} is told with its remedy and without the password`, async () => {
      const url = wrong(await postgres.newDatabase());
      await assert.rejects(open(url), (error) => {
        assert.ok(error instanceof LedgerError);
        assert.match(error.message, message);
        assert.equal(error.code, code);
        assert.doesNotMatch(error.message, new RegExp(postgres.password));
        return true;
      });
    });
  }

  test('with the authority of the URL the connection is encrypted', async () => {
    const url = await postgres.newDatabase();
    await using store = await open(
      postgres.tcpUrlOf(url, `?sslmode=verify-ca&sslrootcert=${authority}`),
    );
    assert.equal(await store.append(batchOf(0, 'a'), signal()), 'appended');
    const sql = `SELECT count(*) AS n FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'tidegate'`;
    assert.ok(Number((await postgres.sql('postgres', sql))[0]?.['n']) > 0);
  });

  test('a role without rights is told so, and those of the guide are enough', async () => {
    const url = await postgres.newDatabase();
    const database = databaseOf(url);
    const guide = await readFile(new URL('../../docs/guides/postgres.md', import.meta.url), 'utf8');
    const grants = /```sql\n([^`]*GRANT[^`]*)```/.exec(guide)?.[1];
    assert.ok(grants !== undefined, 'the guide has no statements');
    await postgres.sql(database, 'CREATE ROLE plain LOGIN');
    const asPlain = url.replace('tidegate@', 'plain@');
    const isDenied = /permission denied for .*docs\/guides\/postgres.md has the statements/;
    await assert.rejects(open(asPlain), isDenied);
    await (await open(url))[Symbol.asyncDispose]();
    await assert.rejects(open(asPlain), isDenied);
    await postgres.sql(database, grants.replaceAll('tidegate_server', 'plain'));
    await using store = await open(asPlain);
    const blobs = [{ sha256Hex: sha256Hex('b'), bytes: Buffer.from('b') }];
    assert.equal(await store.append({ ...batchOf(0, 'a'), blobs }, signal()), 'appended');
    await store.saveCheckpoint({ size: 1, note: 'n', isKept: false }, signal());
    await store.saveCheckpoint({ size: 2, note: 'n', isKept: false }, signal());
    await store.saveSnapshot('s', Buffer.from('s'), signal());
    await store.saveSnapshot('s', Buffer.from('t'), signal());
    await assert.rejects(sqlAs(asPlain, `ALTER TABLE tidegate.entry DISABLE TRIGGER ALL`), /owner/);
    await assert.rejects(sqlAs(asPlain, `DELETE FROM tidegate.entry`), /permission denied/);
  });

  const forbidden: readonly (readonly [name: string, sql: string])[] = [
    ['changing an entry', `UPDATE tidegate.entry SET stream = 'other'`],
    ['deleting an entry', 'DELETE FROM tidegate.entry'],
    ['emptying the table', 'TRUNCATE tidegate.entry'],
    [
      'an entry behind the head',
      `INSERT INTO tidegate.entry SELECT 1, stream, leaf_hash, leaf FROM tidegate.entry`,
    ],
    [
      'a head without entries of its own',
      'INSERT INTO tidegate.head SELECT 1, size, edge, token, holder_id, holder, leased_until FROM tidegate.head',
    ],
    ['a head that goes back', 'UPDATE tidegate.head SET size = 0'],
    ['a token that goes back', 'UPDATE tidegate.head SET token = 0'],
    ['deleting a blob', 'DELETE FROM tidegate.blob'],
  ];
  test('the tables themselves refuse what would change the past', async () => {
    const url = await postgres.newDatabase();
    await using store = await open(url);
    const blobs = [{ sha256Hex: sha256Hex('b'), bytes: Buffer.from('b') }];
    await store.append({ ...batchOf(0, 'a'), blobs }, signal());
    for (const [name, sql] of forbidden) {
      const refusal = /never changed or deleted|must follow the last one|only goes on/;
      await assert.rejects(postgres.sql(databaseOf(url), sql), refusal, name);
    }
    assert.equal((await store.head(signal())).size, 1);
  });

  test('what was changed by a superuser all the same is found by reading and by appending', async () => {
    const url = await postgres.newDatabase();
    await using store = await open(url);
    const blob = { sha256Hex: sha256Hex('b'), bytes: Buffer.from('b') };
    await store.append({ ...batchOf(0, 'a'), blobs: [blob] }, signal());
    const byHand = (sql: string) =>
      postgres.sql(databaseOf(url), `SET session_replication_role = replica; ${sql}`);
    await byHand(`UPDATE tidegate.head SET edge = decode(repeat('00', 32), 'hex')`);
    await assert.rejects(
      store.append(batchOf(1, 'b'), signal()),
      isCorrupt(/changed by other hands/),
    );
    await byHand(`UPDATE tidegate.entry SET leaf = 'x'`);
    await assert.rejects(all(store), isCorrupt(/entry 0 has other bytes/));
    await byHand(`UPDATE tidegate.blob SET bytes = 'x'`);
    await assert.rejects(store.blob(blob.sha256Hex, signal()), isCorrupt(/has other bytes/));
    await byHand('DELETE FROM tidegate.entry');
    await assert.rejects(store.head(signal()), isCorrupt(/entry 0 is missing/));
    await assert.rejects(all(store), isCorrupt(/entry 0 is missing/));
  });

  test('a schema of a newer program is refused, an older one is brought up in one transaction', async () => {
    const url = await postgres.newDatabase();
    const reading = openPostgresLedgerReader(parsePostgresUrl(url), signal());
    await assert.rejects(reading, /there is no ledger; start the server once/);
    await using connection = new PostgresConnection(parsePostgresUrl(url));
    const broken = [
      ...migrations,
      { version: 2, sql: 'CREATE TABLE tidegate.more (); SELECT 1/0' },
    ];
    await assert.rejects(bringToVersion(connection, broken), /division by zero/);
    const [made] = await postgres.sql(
      databaseOf(url),
      `SELECT to_regclass('tidegate.entry') AS at`,
    );
    assert.equal(made?.['at'], null, 'half of it was made');

    await (await open(url))[Symbol.asyncDispose]();
    const whole = [...migrations, { version: 2, sql: 'CREATE TABLE tidegate.more ()' }];
    await bringToVersion(connection, whole);
    await bringToVersion(connection, whole);
    const isNewer = /its schema 2 is newer than 1, the newest this program knows; use a newer/;
    await assert.rejects(open(url), isNewer);
    await assert.rejects(openPostgresLedgerReader(parsePostgresUrl(url), signal()), isNewer);
  });

  test('programs that make the tables at the same time do not hinder one another', async () => {
    const url = await postgres.newDatabase();
    const made = await Promise.allSettled(
      Array.from({ length: 4 }, async () => {
        await using connection = new PostgresConnection(parsePostgresUrl(url));
        await bringToVersion(connection);
      }),
    );
    assert.deepEqual(
      made.filter(({ status }) => status === 'rejected'),
      [],
    );
  });

  test('a statement that takes too long is ended, and may be tried again', async () => {
    const url = await postgres.newDatabase();
    // The tables are made without it; what is quick has time enough on a slow machine.
    await (await open(url))[Symbol.asyncDispose]();
    await using store = await open(`${url}?statement_timeout=3000`);
    await using other = new PostgresConnection(parsePostgresUrl(url));
    await other.transaction('hold the row', async (query) => {
      await query('SELECT 1 FROM tidegate.head FOR UPDATE');
      await assert.rejects(
        store.append(batchOf(0, 'a'), signal()),
        (error) =>
          error instanceof LedgerError &&
          error.retryable &&
          /longer than statement_timeout/.test(error.message),
      );
    });
    assert.equal(await store.append(batchOf(0, 'a'), signal()), 'appended');
  });
}

/** A certificate for db.example of an authority of its own, as PostgreSQL wants it in its folder. */
async function secured(dataFolder: string): Promise<void> {
  const path = (name: string): string => join(dataFolder, name);
  const made = spawnSync(
    'openssl',
    // prettier-ignore
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=db.example',
      '-addext', 'subjectAltName=DNS:db.example', '-keyout', path('server.key'), '-out', path('server.crt')],
    { encoding: 'utf8' },
  );
  assert.equal(made.status, 0, made.stderr);
  await chmod(path('server.key'), 0o600);
  if (process.getuid?.() === 0) await chown(path('server.key'), 65_534, 65_534);
  await copyFile(path('server.crt'), join(dataFolder, '..', 'authority.crt'));
}

function open(url: string) {
  const controller = { id: 'one', shown: 'one' };
  return openPostgresLedger({ address: parsePostgresUrl(url), controller }, signal());
}

async function sqlAs(url: string, sql: string): Promise<void> {
  await using connection = new PostgresConnection(parsePostgresUrl(url));
  await connection.transaction('try by hand', async (query) => {
    await query(sql);
  });
}

async function all(store: Awaited<ReturnType<typeof open>>) {
  return Array.fromAsync(store.read({ fromIndex: 0, stream: null }, signal()));
}

function isCorrupt(message: RegExp) {
  return (error: unknown): boolean =>
    error instanceof LedgerError && error.code === 'corrupt' && message.test(error.message);
}

function batchOf(expectedSize: number, content: string) {
  const leaf = Buffer.from(content);
  return { expectedSize, entries: [{ stream: 's', leaf, leafHash: leafHashHex(leaf) }], blobs: [] };
}

function databaseOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

function signal(): AbortSignal {
  return AbortSignal.timeout(120_000);
}
