import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';

import { restore } from '../actions/restore.ts';
import { CliError } from '../cli-error.ts';
import { mainPath } from '../cli.fixture.ts';
import { openSession } from '../session.ts';
import { fillState, temporaryFolder } from './filled-state.fixture.ts';

/** One ledger of two bundles with two backups of it, an earlier one and the newest; tests copy what they change. */
const world = await makeWorld();
test.after(() => world.folder[Symbol.asyncDispose]());

async function makeWorld() {
  const folder = await temporaryFolder();
  const state = join(folder.path, 'state');
  const [older, newest, keys] = ['older', 'newest', 'keys'].map((name) => join(folder.path, name));
  assert.ok(older !== undefined && newest !== undefined && keys !== undefined);
  await fillState(state, 100);
  await fillState(state, 290);
  await must(state, ['backup', newest]);
  await cp(newest, older, { recursive: true });
  await fillState(state, 300);
  const second = await must(state, ['backup', newest, '--keys-to', keys, '-o', 'json']);
  return { folder, state, older, newest, keys, second };
}

test('a restored ledger is the one that was backed up, to the byte', async () => {
  await using target = await temporaryFolder();
  const { state, newest, keys } = world;
  await must(target.path, ['restore', newest, '--keys-from', keys, '--anchor', state]);
  assert.deepEqual(tablesOf(target.path), tablesOf(state));
  for (const name of ['ledger-key.pem', 'checkpoint-key-ml-dsa-44.pem']) {
    const path = join(target.path, 'keys', name);
    assert.deepEqual(await readFile(path), await readFile(join(state, 'keys', name)));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  }
  await must(target.path, ['ledger', 'rebuild', '--check']);
  const listed = await must(target.path, ['ledger', 'blob', 'list', '--check', '-o', 'json']);
  const { items } = JSON.parse(listed) as { items: { sha256: string; condition: string }[] };
  assert.deepEqual(
    items.map(({ condition }) => condition),
    ['stored', 'stored', 'stored'],
  );
  const digest = items[0]?.sha256 ?? '';
  assert.equal(await must(target.path, ['ledger', 'blob', 'get', digest]), 'until 100');
  // One that is away without a word of the ledger is missing.
  await rm(join(target.path, 'blobs', digest.slice(0, 2)), { recursive: true });
  const without = await run(target.path, ['ledger', 'blob', 'list']);
  assert.equal(without.code, 1);
  assert.match(without.stdout, /missing/);
  // It goes on where it was.
  await fillState(target.path, 310);
  await must(target.path, ['ledger', 'rebuild', '--check']);
});

test('a second backup writes only what is new, and drops what nothing names any more', async () => {
  const { files, newFiles, entries } = JSON.parse(world.second) as Record<string, number>;
  assert.equal(entries, 300);
  assert.ok(newFiles !== undefined && files !== undefined && newFiles <= files - 3, world.second);
  const partials = await readdir(join(world.newest, 'tile', 'entries', '001.p'));
  assert.deepEqual(partials, ['44']);
});

test('private keys are in no file of a backup', async () => {
  const pem = await readFile(join(world.keys, 'ledger-key.pem'), 'utf8');
  const secret = pem.split('\n')[1] ?? '';
  assert.ok(secret.length > 40);
  for (const path of await filesIn(world.newest)) {
    const bytes = await readFile(path);
    assert.ok(!bytes.includes(secret), path);
    assert.ok(!bytes.includes('PRIVATE KEY'), path);
  }
});

test('each file of a backup with a flipped bit, cut, away or in another place is refused by its name', async () => {
  await using copies = await temporaryFolder();
  const names = (await filesIn(world.newest))
    .map((path) => relative(world.newest, path))
    .filter((name) => name !== 'ledger.lock');
  assert.ok(names.length >= 11, names.join(' '));
  const random = seeded(20_261_121);
  for (const [at, name] of names.entries()) {
    const other = names[(at + 1) % names.length] ?? '';
    const harms: Readonly<Record<string, (backup: string) => Promise<void>>> = {
      flipped: async (backup) => {
        const bytes = await readFile(join(backup, name));
        const byte = Math.floor(random() * bytes.length);
        bytes[byte] = (bytes[byte] ?? 0) ^ (1 << Math.floor(random() * 8));
        await writeFile(join(backup, name), bytes);
      },
      cut: async (backup) => {
        const bytes = await readFile(join(backup, name));
        await writeFile(join(backup, name), bytes.subarray(0, -1));
      },
      away: (backup) => rm(join(backup, name)),
      swapped: async (backup) => {
        await rename(join(backup, name), join(backup, 'was'));
        await rename(join(backup, other), join(backup, name));
        await rename(join(backup, 'was'), join(backup, other));
      },
    };
    for (const [harm, change] of Object.entries(harms)) {
      const backup = join(copies.path, `${at}-${harm}`);
      await cp(world.newest, backup, { recursive: true });
      await change(backup);
      const refusal = await refusalOf(backup);
      const stderr = refusal.message;
      const places = harm === 'swapped' ? [name, other, 'manifest.json'] : [name];
      assert.ok(
        places.some((place) => stderr.includes(place)),
        `${name} ${harm}: ${stderr}`,
      );
      assert.ok(
        (refusal.remedy ?? '').length > 20,
        `${name} ${harm}: ${stderr} ${String(refusal.cause)}`,
      );
      await rm(backup, { recursive: true });
    }
  }
});

test('a line of its own checkpoint that is nobody’s is refused, though readers of others’ pass over it', async () => {
  await using copies = await temporaryFolder();
  const backup = join(copies.path, 'backup');
  await cp(world.newest, backup, { recursive: true });
  const text = await readFile(join(backup, 'checkpoint'), 'utf8');
  // The last line's name: of a key that nobody has.
  await writeFile(join(backup, 'checkpoint'), text.replace(/— (?=[^—]*$)/, '— x'));
  const { message, remedy } = await refusalOf(backup);
  assert.match(message, /checkpoint: it has a signature of x.* which is not in the policy/);
  assert.match(remedy ?? '', /another copy/);
});

test('an older backup is refused for what an anchor has seen, and taken up under a new name only', async () => {
  await using target = await temporaryFolder();
  const { older, newest, keys, state } = world;
  const anchor = join(newest, 'checkpoint');
  const into = join(target.path, 'state');
  const refused = await run(into, ['restore', older, '--keys-from', keys, '--anchor', anchor]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /has seen 300 entries, and the backup has 290: 10 entries would be lost/,
  );
  // The state folder's own newest checkpoint is asked without being named.
  await mkdir(into, { recursive: true, mode: 0o700 });
  await cp(anchor, join(into, 'newest-checkpoint'));
  assert.match((await run(into, ['restore', older])).stderr, /newest-checkpoint: it has seen 300/);
  assert.match(
    (await run(into, ['restore', older, '--new-origin', 'why'])).stderr,
    /has to be signed/,
  );

  const reason = 'the disk died';
  const given = ['restore', older, '--keys-from', keys, '--new-origin', reason, '-o', 'json'];
  const { newOrigin, origin } = JSON.parse(await must(into, given)) as Record<string, string>;
  assert.ok(newOrigin !== undefined && newOrigin !== origin);
  const policy = join(target.path, 'policy.tlog');
  await writeFile(policy, await must(into, ['ledger', 'keys']));
  assert.match(await readFile(policy, 'utf8'), new RegExp(`log ${newOrigin}\\+`));
  await must(into, ['ledger', 'export', join(target.path, 'audit')]);
  const verified = await run(into, [join(target.path, 'audit'), '--policy', policy], verifyPath);
  assert.equal(verified.code, 0, verified.stdout);
  assert.match(verified.stdout, /giving up 10 later entries \("the disk died"\)/);
  // Who trusts the ledger by its former name is not fooled, and neither is the former backup written over.
  await writeFile(policy, await must(state, ['ledger', 'keys']));
  const fooled = await run(into, [join(target.path, 'audit'), '--policy', policy], verifyPath);
  assert.equal(fooled.code, 1, fooled.stdout);
  const over = await run(into, ['backup', newest]);
  assert.equal(over.code, 1);
  assert.match(over.stderr, /does not continue/);
});

test('a state folder with anything but keys and the newest checkpoint is left as it is', async () => {
  await using target = await temporaryFolder();
  await writeFile(join(target.path, 'server.log'), 'x');
  const { code, stderr } = await run(target.path, ['restore', world.newest]);
  assert.equal(code, 1);
  assert.match(stderr, /it is not empty \(server\.log\)/);
  assert.deepEqual(await readdir(target.path), ['server.log']);
});

test('keys of another ledger are refused, and nothing is put in place', async () => {
  await using target = await temporaryFolder();
  await fillState(join(target.path, 'other'), 2);
  const into = join(target.path, 'state');
  const keys = join(target.path, 'other', 'keys');
  const { code, stderr } = await run(into, ['restore', world.newest, '--keys-from', keys]);
  assert.equal(code, 1);
  assert.match(stderr, /is not written with the key/);
  assert.deepEqual(await readdir(into), []);
});

test('keys are not copied into the backup, and not from a folder that others may read', async () => {
  await using target = await temporaryFolder();
  const inside = ['backup', join(target.path, 'b'), '--keys-to', join(target.path, 'b', 'keys')];
  assert.equal((await run(world.state, inside)).code, 2);
  const keys = join(target.path, 'keys');
  await cp(world.keys, keys, { recursive: true });
  await chmod(join(keys, 'ledger-key.pem'), 0o644);
  const into = join(target.path, 'state');
  const { stderr } = await run(into, ['restore', world.newest, '--keys-from', keys]);
  assert.match(stderr, /lets others read it/);
});

test('a backup that is killed at any moment leaves one that restores', async () => {
  await using target = await temporaryFolder();
  const backup = join(target.path, 'backup');
  await cp(world.older, backup, { recursive: true });
  const sizes = new Set<number>();
  for (let kill = 1; kill <= 4; kill += 1) {
    await killedBackup(backup, kill);
    const restored = await must(join(target.path, 'none'), [
      'restore',
      backup,
      '--check',
      '-o',
      'json',
    ]);
    sizes.add((JSON.parse(restored) as { entries: number }).entries);
  }
  for (const size of sizes) assert.ok(size === 290 || size === 300, `${size} entries`);
  await must(world.state, ['backup', backup]);
  await must(join(target.path, 'none'), ['restore', backup, '--check']);
});

/** Why the command line refuses it; in this process, as there are many. */
async function refusalOf(backup: string): Promise<CliError> {
  const session = openSession({ state: join(backup, 'none') }, AbortSignal.timeout(120_000));
  try {
    await restore(session, backup, { check: true, witnesses: true, version: '0.1.0' });
  } catch (error) {
    assert.ok(error instanceof CliError, String(error));
    return error;
  }
  assert.fail('it was not refused');
}

/** Ends the backup when so many files of it were seen to change, or lets it end by itself. */
async function killedBackup(backup: string, changes: number): Promise<void> {
  const child = spawn(process.execPath, [mainPath, '--state', world.state, 'backup', backup], {
    stdio: 'ignore',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const exit = once(child, 'exit');
  const known = new Set(await filesIn(backup));
  let seen = 0;
  while (child.exitCode === null && child.signalCode === null && seen < changes) {
    for (const path of await filesIn(backup)) {
      if (known.has(path)) continue;
      known.add(path);
      seen += 1;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  child.kill('SIGKILL');
  await exit;
}

const verifyPath = join(mainPath, '..', '..', 'verify', 'main.ts');

async function run(state: string, argv: readonly string[], entry = mainPath) {
  const before = entry === mainPath ? ['--state', state] : [];
  const child = spawn(process.execPath, [entry, ...before, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  const exit = once(child, 'exit');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await exit;
  return { code: child.exitCode, stdout, stderr };
}

async function must(state: string, argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(state, argv);
  assert.equal(code, 0, `${argv.join(' ')}: ${stdout}${stderr}`);
  return stdout;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name))
    .toSorted();
}

/** What the ledger is, table by table; snapshots are no part of it. */
function tablesOf(state: string): Readonly<Record<string, unknown>> {
  const database = new DatabaseSync(join(state, 'ledger.db'), { readOnly: true });
  try {
    const orders = {
      entry: 'idx',
      blob: 'sha256',
      tree: 'id',
      subtree: 'level, idx',
      checkpoint: 'size',
    };
    return Object.fromEntries(
      Object.entries(orders).map(([table, order]) => [
        table,
        database.prepare(`SELECT * FROM ${table} ORDER BY ${order}`).all(),
      ]),
    );
  } finally {
    database.close();
  }
}

/** mulberry32: the same numbers in [0, 1) for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
