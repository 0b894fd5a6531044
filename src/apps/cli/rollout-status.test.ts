import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { mainPath, runCli, startFakeServer } from './cli.fixture.ts';
import { movingService, serverStatus, stableService } from './wire-samples.fixture.ts';

test('rollout status ends with a code for each way a rollout can stand', async () => {
  const rows: readonly [string, ReturnType<typeof movingService>, number][] = [
    ['stable', stableService('checkout'), 0],
    [
      'promoted',
      movingService('checkout', { phase: 'promoted', endedAt: serverStatus.startedAt }),
      0,
    ],
    ['rolled back', movingService('checkout', { phase: 'rolled-back' }), 1],
    ['waits', movingService('checkout', { isWaitingForPerson: true, phase: 'waiting' }), 4],
    ['under way', movingService('checkout'), 5],
  ];
  for (const [name, service, code] of rows) {
    await using server = await startFakeServer({ 'GET /v1/services/checkout': () => service });
    // Only one that is under way is waited for; it has to be seen once before the time is up.
    const timeout = code === 5 ? '8s' : '120s';
    const ran = await runCli(['rollout', 'status', 'checkout', '--timeout', timeout], server);
    assert.equal(ran.code, code, `${name}: ${ran.stdout}${ran.stderr}`);
    assert.equal(ran.stdout, `checkout: ${service.status.sentence}\n`);
  }
});

test('rollout status --no-watch says how it stands and goes', async () => {
  await using server = await startFakeServer({
    'GET /v1/services/checkout': () => movingService('checkout'),
  });
  const ran = await runCli(['rollout', 'status', 'checkout', '--no-watch'], server);
  assert.equal(ran.code, 0);
  assert.match(ran.stdout, /^checkout: step 2 of 3 at 50 %/);
});

test('rollout status prints one line per change until the end', async () => {
  let asked = 0;
  await using server = await startFakeServer({
    'GET /v1/services/checkout': () => {
      asked += 1;
      if (asked <= 2) return movingService('checkout', { stepNumber: 1, sentence: `one ${asked}` });
      if (asked === 3) return movingService('checkout', { sentence: 'two' });
      return movingService('checkout', { phase: 'promoted', sentence: 'three' });
    },
  });
  const ran = await runCli(['rollout', 'status', 'checkout'], server);
  assert.equal(ran.code, 0);
  assert.equal(ran.stdout, 'checkout: one 1\ncheckout: two\ncheckout: three\n');
});

test('in a terminal rollout status repaints one picture in place', async (t) => {
  if (spawnSync('script', ['--version']).status !== 0) {
    t.skip('script of util-linux, which gives a terminal, is not installed');
    return;
  }
  let asked = 0;
  await using server = await startFakeServer({
    'GET /v1/services/checkout': () => {
      asked += 1;
      if (asked < 3) return movingService('checkout', { sentence: `look ${asked}` });
      return movingService('checkout', { phase: 'promoted', sentence: 'it is promoted' });
    },
  });
  const command = `${process.execPath} ${mainPath} rollout status checkout`;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...process.env, TIDEGATE_STATE: server.stateFolder, TERM: 'xterm', LANG: 'C' },
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: 300_000,
  });
  let screen = '';
  child.stdout.on('data', (chunk: Buffer) => (screen += chunk.toString('utf8')));
  await once(child, 'close');
  assert.equal(child.exitCode, 0);
  assert.equal(screen.split('\u001B[6F').length, 3, JSON.stringify(screen));
  assert.match(screen.slice(screen.lastIndexOf('\u001B[6F')), /it is promoted/);
});
