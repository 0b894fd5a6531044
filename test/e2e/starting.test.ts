/** What keeps a server from starting: each is said in one line, and nothing is left running. */
import assert from 'node:assert/strict';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { commandLine, makeWorld, projectFolder, startWorld } from './world.fixture.ts';

test('one state folder has one server, and ports in use are named', async () => {
  await using world = await startWorld();
  const { api, gateway } = world.ports;
  const again = await world.run(world.upArguments);
  const { metricsUrl } = (await world.serverFile()) ?? assert.fail('no server.json');
  assert.match(String(metricsUrl), /^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
  assert.deepEqual(
    [again.code, again.stdout],
    [0, `url: ${world.apiUrl}\ngateway: ${world.gatewayUrl}\nmetrics: ${metricsUrl}\n`],
  );
  assert.match(again.stderr, /^A server already runs for .* \(pid \d+\)\.\n$/);

  // Past the command line's own look, as a supervisor would start it.
  const entry = join(projectFolder, 'src/apps/server/main.ts');
  const second = await world.runNode([
    entry,
    '--state',
    world.stateFolder,
    '--listen',
    '127.0.0.1:0',
  ]);
  assert.equal(second.code, 1);
  assert.match(
    second.stderr,
    /"message":"cannot use the ledger in .*: another process holds it; stop that server or choose another state folder","code":"locked"/,
  );

  const taken: readonly (readonly [flag: string, port: number, said: RegExp])[] = [
    [
      '--listen',
      api,
      /^error: cannot start the server: cannot listen on 127\.0\.0\.1:\d+: the port is in use; choose another address with --listen\n/,
    ],
    [
      '--gateway-listen',
      gateway,
      /^error: cannot start the server: cannot start the gateway on .*: the port is in use; stop what has it or choose another port\n/,
    ],
  ];
  for (const [flag, port, said] of taken) {
    await using other = await makeWorld();
    const ran = await other.run([...other.upArguments, flag, `127.0.0.1:${port}`]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, said);
    assert.deepEqual(other.processes().map(commandLine), [], 'nothing of it is left');
  }
  assert.equal((await world.run(['status'])).code, 0, 'the first one is untouched');
});

test('a state folder of a newer version is refused and left as it is', async () => {
  await using world = await startWorld();
  await world.down();
  const path = join(world.stateFolder, 'ledger.db');
  setVersion(path, 7);
  const ran = await world.run(world.upArguments);
  assert.equal(ran.code, 1);
  assert.match(
    ran.stderr,
    /^error: cannot start the server: cannot use .*ledger\.db: its format 7 is newer than 2, the newest this program knows; use a newer program\n/,
  );
  assert.deepEqual(world.processes(), []);
  setVersion(path, 2);
  await world.up();
  await world.verifyLedger();
});

test('a state folder that cannot be made is refused', async () => {
  await using world = await makeWorld();
  const path = await world.write('', 'a-file');
  const ran = await world.run([...world.upArguments, '--state', path]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^error: cannot make the state folder .*a-file: a file is in its way\n/);
});

test('a program that no longer starts ends its rollout, not the server', async () => {
  await using world = await startWorld();
  await world.applyAndWait(release({ version: 'v1' }));
  const script = await world.write('#!/no/such/interpreter\n', 'script');
  await chmod(script, 0o755);
  await world.apply(release({ version: 'v2', command: [script] }));
  const status = await world.run(['rollout', 'status', 'pay', '--timeout', '170s']);
  assert.equal(status.code, 1, status.stderr);
  assert.match(status.stdout, /rolled back pay v2 .*: .*script/);
});

function setVersion(path: string, version: number): void {
  using database = new DatabaseSync(path);
  database.exec(`PRAGMA user_version = ${version}`);
}
