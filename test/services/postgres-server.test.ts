import assert from 'node:assert/strict';
import { chmod, cp, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { release } from '../e2e/release.fixture.ts';
import { makeWorld, projectFolder, waitFor, type World } from '../e2e/world.fixture.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

/** Generous: the machine may be ten times slower than ours. */
const boundMs = 180_000;

if (withoutPostgres !== false) {
  test('a server on PostgreSQL', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start({ tcp: true });
  after(() => postgres[Symbol.asyncDispose]());

  test('a release is promoted and another one rolled back on PostgreSQL, and the ledger verifies', async () => {
    await using world = await worldOn(await postgres.newDatabase());
    await world.applyAndWait(release({ version: 'v1' }));
    await using load = world.load({ service: 'pay', rps: 300 });
    assert.ok(load);
    await world.apply(release({ version: 'v2' }));
    assert.equal((await ended(world, 1)).outcome, 'promoted');
    await world.apply(release({ version: 'v3', faults: { FAIL_PERCENT: '60' } }));
    assert.equal((await ended(world, 2)).outcome, 'rolled-back');
    await world.verifyLedger();

    await world.must('ledger', 'checkpoint');
    const audit = join(world.folder, 'audit');
    await world.must('ledger', 'export', audit);
    const policy = await world.write((await world.must('ledger', 'keys')).stdout, 'policy.tlog');
    const verify = join(projectFolder, 'bin', 'tidegate-verify.js');
    const verified = await world.runNode([verify, audit, '--policy', policy]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match((await world.must('ledger', 'rebuild', '--check')).stdout, /^same: /);
    // One ledger, and it is not in the state folder.
    await assert.rejects(stat(join(world.stateFolder, 'ledger.db')), /ENOENT/);
  });

  test('a password is in no process list, log or state file, and on a command line it is refused', async () => {
    const url = postgres.tcpUrlOf(await postgres.newDatabase());
    await using world = await makeWorld();
    const asArgument = await world.run([...world.upArguments, '--store', url]);
    assert.equal(asArgument.code, 2);
    assert.match(asArgument.stderr, /--store has a password in it.*--store-url-file/s);
    assert.doesNotMatch(asArgument.stderr, new RegExp(postgres.password));

    const file = await world.write(`${url}\n`, 'store-url');
    await chmod(file, 0o644);
    const readable = await world.run([...world.upArguments, '--store-url-file', file]);
    assert.match(readable.stderr, /others can read it \(mode 644\); run chmod 600/);
    await chmod(file, 0o600);
    await world.must(...world.upArguments, '--store-url-file', file);
    await world.applyAndWait(release({ version: 'v1' }));

    const kept = [];
    for (const pid of world.processes()) {
      kept.push(await readFile(`/proc/${pid}/cmdline`, 'utf8'));
      kept.push(await readFile(`/proc/${pid}/environ`, 'utf8'));
    }
    kept.push(...(await world.logs()));
    kept.push(await readFile(join(world.stateFolder, 'store.json'), 'utf8'));
    kept.push(await readFile(join(world.stateFolder, 'server.json'), 'utf8'));
    for (const text of kept) assert.ok(!text.includes(postgres.password), text);

    // The folder remembers the file, so neither the next start nor a reader has to be told.
    await world.must('down', '--keep-instances');
    await world.up();
    assert.match((await world.must('ledger', 'rebuild', '--check')).stdout, /^same: /);
  });

  test('a server whose folder begins nothing new in a database that is empty or of others', async () => {
    const url = await postgres.newDatabase();
    await using world = await worldOn(url);
    await world.down();
    const elsewhere = { environment: { TIDEGATE_STORE_URL: await postgres.newDatabase() } };
    const empty = await world.run(world.upArguments, elsewhere);
    assert.match(empty.stderr, /it is empty, and that of .* is not; check the URL/);

    await using stranger = await makeWorld({ environment: { TIDEGATE_STORE_URL: url } });
    const refused = await stranger.run(stranger.upArguments);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /another state folder began it, and its keys are not in/);

    await using onFile = await makeWorld();
    await onFile.up();
    await onFile.down();
    const moved = await onFile.run(onFile.upArguments, {
      environment: { TIDEGATE_STORE_URL: url },
    });
    assert.match(moved.stderr, /has a ledger in SQLite already, and a ledger does not move/);
  });

  test('while PostgreSQL is away traffic flows and the rollout holds; it goes on afterwards', async () => {
    await using own = await Postgres.start();
    await using world = await worldOn(await own.newDatabase());
    await world.applyAndWait(release({ version: 'v1' }));
    await using load = world.load({ service: 'pay', rps: 100 });
    assert.ok(load);
    await own.stopImmediately();
    const wish = { version: 'v2', steps: ['20%', '100%'] };
    const applying = world.apply(release(wish));
    await waitFor('the trouble to be told', async () => (await world.status()).ledger.trouble, {
      timeoutMs: boundMs,
    });
    assert.deepEqual(await world.visit('pay'), { status: 200, version: 'v1' });
    assert.equal((await world.history('pay')).length, 1);
    await own.start();
    await applying;
    assert.equal((await ended(world, 1)).outcome, 'promoted');
    assert.equal((await world.status()).ledger.trouble, null);
    await world.verifyLedger();
  });

  test('of two servers on one ledger one acts; the one that was paused and replaced ends and says so', async () => {
    const url = await postgres.newDatabase();
    await using first = await worldOn(url);
    await first.applyAndWait(release({ version: 'v1' }));
    await using second = await makeWorld({ environment: { TIDEGATE_STORE_URL: url } });
    await cp(join(first.stateFolder, 'keys'), join(second.stateFolder, 'keys'), {
      recursive: true,
    });
    const patient = [...second.upArguments, '--timeout', '3m'];
    const refused = await second.run(patient, { boundMs });
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /the server of .* acts on it and is alive; stop that server first/,
    );

    const pid = (await first.serverFile())?.pid ?? 0;
    process.kill(pid, 'SIGSTOP');
    try {
      const taken = await second.run(patient, { boundMs });
      assert.equal(taken.code, 0, taken.stderr);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await waitFor('the end of the first server', async () => !first.processes().includes(pid), {
      timeoutMs: boundMs,
    });
    assert.match((await first.logs()).join('\n'), /this controller acts no more: the server of /);
    // Users of what it had started don't notice.
    assert.deepEqual(await first.visit('pay'), { status: 200, version: 'v1' });
    await second.verifyLedger();
    await first.discard().catch(() => undefined);
  });
}

/** A world whose server has its ledger under the URL, which it is given by its environment. */
async function worldOn(url: string): Promise<World> {
  const world = await makeWorld({ environment: { TIDEGATE_STORE_URL: url } });
  try {
    await world.up();
    return world;
  } catch (error) {
    await world.discard();
    throw error;
  }
}

async function ended(world: World, index: number) {
  return waitFor(`the end of rollout ${index}`, async () => (await world.history('pay'))[index], {
    timeoutMs: boundMs,
  });
}
