import assert from 'node:assert/strict';
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stepTimeoutMs = 600_000;
/** Where distributions put theirs; the one that runs this test is 24 or newer. */
const systemNode = '/usr/bin/node';

let folder = '';
/** The folder the package is installed in, with nothing else. */
let installed = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-pack-'));
  installed = join(folder, 'app');
  await mkdir(installed);
  await writeFile(join(installed, 'package.json'), '{ "private": true }');
  must(run('npm', ['pack', '--pack-destination', folder], root));
  const packed = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  assert.ok(packed !== undefined, 'npm pack wrote no archive');
  const flags = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  must(run('npm', ['install', ...flags, join(folder, packed)], installed));
});

after(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('the installed tidegate runs in an empty folder', async () => {
  const { version }: { version?: unknown } = JSON.parse(
    await readFile(join(root, 'package.json'), 'utf8'),
  );
  const rows: readonly [readonly string[], number, RegExp][] = [
    [['--version'], 0, new RegExp(`^${String(version)}\\n$`)],
    [['--help'], 0, /First steps:/],
    [['nonsense'], 2, /unknown command 'nonsense'/],
    [['get', 'services', '--state', join(folder, 'none')], 1, /no server runs for/],
  ];
  for (const [argv, code, says] of rows) {
    const ran = run('npx', ['--no-install', 'tidegate', ...argv], installed);
    assert.equal(ran.status, code, ran.stdout + ran.stderr);
    assert.match(ran.stdout + ran.stderr, says);
  }
});

test('the installed server, gateway and command line work together', () => {
  const state = ['--state', join(folder, 'state')];
  const tidegate = (...argv: readonly string[]) =>
    run('npx', ['--no-install', 'tidegate', ...argv, ...state], installed);
  const addresses = ['--listen', '127.0.0.1:0', '--gateway-listen', '127.0.0.1:0'];
  try {
    must(tidegate('up', '--timeout', '120s', ...addresses));
    const status = tidegate('status', '-o', 'json');
    must(status);
    assert.equal(JSON.parse(status.stdout).server.gateway.isReachable, true);
    assert.match(tidegate('verify').stdout, /verified: 2 entries/);
  } finally {
    must(tidegate('down'));
  }
});

test('the package has what runs and nothing of the tests or the sources', async () => {
  const own = join(installed, 'node_modules', 'tidegate');
  const names = await readdir(own, { recursive: true });
  const unwanted = names.filter((name) =>
    /\.(test|contract)\.|^(src|test|bench|node_modules)\b|\.ts$/.test(name),
  );
  assert.deepEqual(unwanted, []);
  for (const name of ['cli', 'server', 'gateway']) {
    assert.ok(existsSync(join(own, 'dist', 'apps', name, 'main.js')), name);
  }
  assert.ok(existsSync(join(own, 'dist', 'console', 'index.html')), 'the console');
});

test('an older Node says what is missing, and starts the package `node` when it is there', async (t) => {
  const asked = spawnSync(systemNode, ['--version'], { encoding: 'utf8' });
  const major = Number(/^v(\d+)/.exec(asked.stdout ?? '')?.[1] ?? Number.NaN);
  if (!(major >= 20 && major < 24)) {
    t.skip(`${systemNode} is not an older Node (20 to 23): ${asked.stdout ?? 'not there'}`);
    return;
  }
  const launcher = join(installed, 'node_modules', 'tidegate', 'bin', 'tidegate.js');
  const without = run(systemNode, [launcher, '--version'], installed);
  assert.equal(without.status, 1);
  assert.match(without.stderr, /needs Node 24 or newer, this is Node \d+.*\n.*npm install node@24/);

  // What `npm install node` leaves behind, with the Node that runs this test.
  const bin = join(installed, 'node_modules', '.bin');
  await symlink(process.execPath, join(bin, 'node'));
  try {
    const cases: readonly [readonly string[], number][] = [
      [['--version'], 0],
      [['nonsense'], 2],
    ];
    for (const [argv, code] of cases) {
      const ran = run(systemNode, [launcher, ...argv], installed);
      assert.equal(ran.status, code, ran.stderr);
    }
  } finally {
    await rm(join(bin, 'node'));
  }
});

/** In an environment of its own: nothing of npm's about this checkout leaks into the other folder. */
function run(
  command: string,
  argv: readonly string[],
  workingFolder: string,
): SpawnSyncReturns<string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|TIDEGATE_|NODE_)/i.test(name),
  );
  const env = Object.fromEntries(kept);
  return spawnSync(command, [...argv], {
    cwd: workingFolder,
    env: {
      ...env,
      npm_config_loglevel: 'error',
      PATH: `${dirname(process.execPath)}:${env['PATH'] ?? ''}`,
    },
    encoding: 'utf8',
    timeout: stepTimeoutMs,
  });
}

function must(ran: SpawnSyncReturns<string>): void {
  assert.equal(ran.status, 0, `${ran.error?.message ?? ''}${ran.stdout}${ran.stderr}`);
}
