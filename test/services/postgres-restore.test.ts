import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';

import { openPostgresLedger } from '../../src/adapters/postgres/postgres-ledger-store.ts';
import { parsePostgresUrl } from '../../src/adapters/postgres/postgres-url.ts';
import { openSqliteLedgerReader } from '../../src/adapters/sqlite/sqlite-ledger-store.ts';
import { openLogKeys } from '../../src/adapters/system/log-keys.ts';
import { SystemClock } from '../../src/adapters/system/system-clock.ts';
import { fillState, temporaryFolder } from '../../src/apps/cli/backup/filled-state.fixture.ts';
import { mainPath } from '../../src/apps/cli/cli.fixture.ts';
import { openRecorder } from '../../src/control/recording/recorder.ts';
import type { LedgerStore } from '../../src/ports/ledger-store.ts';
import type { LedgerTree } from '../../src/ports/ledger-tree.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

if (withoutPostgres !== false) {
  test('a restore into PostgreSQL', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start({ isHasty: true });
  after(() => postgres[Symbol.asyncDispose]());
  const world = await makeWorld();
  after(() => world.folder[Symbol.asyncDispose]());

  test('a backup of a ledger in SQLite is restored into PostgreSQL to the byte, and goes on there', async () => {
    await using target = await temporaryFolder();
    const url = await postgres.newDatabase();
    const wish = ['--store', url, '--keys-from', world.keys, '-o', 'json'];
    const checked = await must(target.path, ['restore', world.newest, '--check', ...wish]);
    assert.match(checked, /"isCheckOnly":\s*true/);
    assert.equal(await tablesIn(url), 0);
    const told = await must(target.path, ['restore', world.newest, ...wish]);
    assert.match((JSON.parse(told) as { store: string }).store, /ledger_\d+/);

    await using before = await openSqliteLedgerReader(world.state, signal());
    await using store = await openStore(url);
    assert.deepEqual(await contentsOf(store), await contentsOf(before));
    assert.deepEqual((await readdir(target.path)).includes('ledger.db'), false);
    await must(target.path, ['ledger', 'rebuild', '--check']);

    const { signer } = await openLogKeys(join(target.path, 'keys'));
    const clock = new SystemClock({ notBeforeMs: 0 });
    await using recorder = await openRecorder(
      { store, tree: store, signer, clock, version: '0.1.0' },
      signal(),
    );
    const { size } = await before.head(signal());
    const type = 'gate-result' as const;
    const entries = [{ type, subjects: [], idempotencyKey: 'next', data: {} }];
    const [place] = await recorder.record({ stream: 'gates/1', entries, blobs: [] }, signal());
    assert.equal(place?.index, size);
  });

  test('what is refused leaves the database without a row, and one that has a ledger is left alone', async () => {
    const url = await postgres.newDatabase();
    const damaged = join(world.folder.path, 'damaged');
    await cp(world.newest, damaged, { recursive: true });
    const last = (await readdir(join(damaged, 'tile', 'entries', '001.p'))).map((name) =>
      join(damaged, 'tile', 'entries', '001.p', name),
    );
    for (const path of last) await appendFile(path, 'x');
    const cases = [
      [damaged, [], /cannot restore from .*tile\/entries\/001\.p/s],
      [world.older, ['--anchor', world.state], /it has seen 3\d\d entries, and the backup has/],
      [world.older, ['--anchor', world.otherNote], /the policy has no key of the log/],
    ] as const;
    for (const [backup, more, wanted] of cases) {
      await using target = await temporaryFolder();
      const argv = ['restore', backup, '--keys-from', world.keys, '--store', url, ...more];
      const refused = await run(target.path, argv);
      assert.notEqual(refused.code, 0, refused.stdout);
      assert.match(refused.stderr, wanted);
      assert.equal(await entriesIn(url), 0);
      assert.deepEqual(await readdir(target.path), []);
    }
    await using first = await temporaryFolder();
    const whole = ['restore', world.newest, '--keys-from', world.keys, '--store', url];
    await must(first.path, whole);
    const size = await entriesIn(url);
    for (const check of [[], ['--check']]) {
      await using second = await temporaryFolder();
      const again = await run(second.path, [...whole, ...check]);
      assert.notEqual(again.code, 0);
      assert.match(
        again.stderr,
        /has a ledger of 3\d\d entries already, which is never written over/,
      );
    }
    assert.equal(await entriesIn(url), size);
  });

  test('an older backup goes on in PostgreSQL under a new name of the ledger', async () => {
    await using target = await temporaryFolder();
    const file = join(world.folder.path, 'store-url');
    await writeFile(file, `${await postgres.newDatabase()}\n`, { mode: 0o600 });
    const wish = ['--store-url-file', file, '--keys-from', world.keys, '--anchor', world.state];
    const argv = [
      'restore',
      world.older,
      ...wish,
      '--new-origin',
      'the disk is lost',
      '-o',
      'json',
    ];
    const told = JSON.parse(await must(target.path, argv)) as Record<string, unknown>;
    assert.notEqual(told['newOrigin'], told['origin']);
    const note = await readFile(join(target.path, 'newest-checkpoint'), 'utf8');
    assert.ok(note.startsWith(`${String(told['newOrigin'])}\n`));
    await must(target.path, ['ledger', 'rebuild', '--check']);
  });

  async function tablesIn(url: string): Promise<number> {
    const sql = `SELECT count(*) AS count FROM pg_namespace WHERE nspname = 'tidegate'`;
    return Number((await postgres.sql(databaseOf(url), sql))[0]?.['count']);
  }

  /** 0, too, when the tables were never made. */
  async function entriesIn(url: string): Promise<number> {
    if ((await tablesIn(url)) === 0) return 0;
    const sql = 'SELECT (SELECT count(*) FROM tidegate.entry) + size AS sum FROM tidegate.head';
    return Number((await postgres.sql(databaseOf(url), sql))[0]?.['sum']);
  }
}

/** A ledger of two bundles, an older and the newest backup of it, its keys, and a checkpoint of another ledger. */
async function makeWorld() {
  const folder = await temporaryFolder();
  const at = (name: string): string => join(folder.path, name);
  const [state, older, newest, keys] = ['state', 'older', 'newest', 'keys'].map(at) as [
    string,
    string,
    string,
    string,
  ];
  await fillState(state, 290);
  await must(state, ['backup', older]);
  await fillState(state, 300);
  await must(state, ['backup', newest, '--keys-to', keys]);
  await fillState(at('other'), 3);
  await must(at('other'), ['backup', at('other-backup')]);
  return { folder, state, older, newest, keys, otherNote: join(at('other-backup'), 'checkpoint') };
}

async function contentsOf(
  ledger: Pick<LedgerStore, 'read' | 'blob'> & Pick<LedgerTree, 'edge' | 'checkpoints'>,
) {
  const entries: unknown[] = [];
  for await (const { index, stream, leaf } of ledger.read(
    { fromIndex: 0, stream: null },
    signal(),
  )) {
    entries.push([index, stream, Buffer.from(leaf).toString('latin1')]);
  }
  const { size, hashes } = await ledger.edge(signal());
  const edge = hashes.map((hash) => Buffer.from(hash).toString('hex'));
  return { entries, size, edge, checkpoints: await ledger.checkpoints(0, signal()) };
}

function openStore(url: string) {
  const controller = { id: 'one', shown: 'one' };
  return openPostgresLedger({ address: parsePostgresUrl(url), controller }, signal());
}

async function must(state: string, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(state, argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function run(state: string, argv: readonly string[]) {
  const child = spawn(process.execPath, [mainPath, '--state', state, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, TIDEGATE_STORE_URL: undefined },
  });
  const exit = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await exit;
  return { code: child.exitCode, stdout, stderr };
}

function databaseOf(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

function signal(): AbortSignal {
  return AbortSignal.timeout(300_000);
}
