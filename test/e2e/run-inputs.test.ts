/** What an instance is given: variables, secrets, config files, flags and bounds of its revision, the same again after a way back. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmod, readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';

import { makeWorld, rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

const program = `
import { createServer } from 'node:http';
createServer((_request, response) => response.end('ok')).listen(Number(process.env.PORT), '127.0.0.1');
`;

function release(version: string, run = ''): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: given, labels: { version: ${version} } }
spec:
  run:
    command: [node, program.mjs, --version, ${version}]
    env: { OWN: ${version} }
    envFiles: [common.env]
    secrets: { PASSWORD: { file: password }, API_KEY: { env: GIVEN_API_KEY } }
    configFiles: [settings.json]
${run}
  scale: { min: 1, max: 3, on: { requestsPerSecond: 1000 } }
  flags: { fresh: { variants: { on: true, off: false }, defaultVariant: off } }
  health: { ready: { http: /, timeout: 30s, failureThreshold: 10 }, stopGrace: 10s, startTimeout: 60s }
  rollout: { steps: [100%], bake: 0s }
`;
}

const password = 'correct horse battery staple 7341';
const apiKey = 'key-of-the-environment-9917';

async function start(): Promise<World> {
  const world = await startWorld({ environment: { GIVEN_API_KEY: apiKey } });
  await world.write(program, 'program.mjs');
  await world.write('# for all\n\nREGION=eu\nOWN=overridden\nEQUALS=a=b\n', 'common.env');
  await world.write('{"color":"blue"}', 'settings.json');
  await chmod(await world.write(`${password}\n`, 'password'), 0o600);
  return world;
}

/** What the kernel says the process was given, less what every instance has for itself alone. */
interface Facts {
  readonly command: readonly string[];
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly config: Readonly<Record<string, string>>;
  /** As it is told when it asks. */
  readonly flags: unknown;
  /** Of the number of instances. */
  readonly bounds: { readonly min: number; readonly max: number };
  readonly revision: unknown;
}

const perInstance = ['PORT', 'TIDEGATE_INSTANCE', 'TIDEGATE_LAUNCH', 'TIDEGATE_CONFIG'];

async function factsOf(world: World): Promise<Facts> {
  const { instances, stable, bounds } = await waitFor('one ready instance', async () => {
    const { status } = await world.service('given');
    const [only, ...others] = status.instances;
    const scaling = status.scaling?.find(({ revisionId }) => revisionId === status.stable?.id);
    if (only?.state !== 'ready' || others.length > 0 || scaling === undefined) return null;
    return { ...status, bounds: { min: scaling.min, max: scaling.max } };
  });
  const pid = instances[0]?.pid ?? assert.fail('no process');
  const list = async (name: string): Promise<readonly string[]> =>
    (await readFile(`/proc/${pid}/${name}`, 'utf8')).split('\0').filter(Boolean);
  const all = Object.fromEntries(
    (await list('environ')).map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const configFolder = all['TIDEGATE_CONFIG'] ?? assert.fail('no TIDEGATE_CONFIG');
  const names = (await readdir(configFolder)).toSorted();
  const contents = await Promise.all(
    names.map(async (name) => [name, await readFile(join(configFolder, name), 'utf8')] as const),
  );
  return {
    command: await list('cmdline'),
    folder: await readlink(`/proc/${pid}/cwd`),
    environment: Object.fromEntries(
      Object.entries(all).filter(([name]) => !perInstance.includes(name)),
    ),
    config: Object.fromEntries(contents),
    flags: await flagsTold(all),
    bounds,
    revision: stable,
  };
}

/** All flags, asked for with what the process has in its environment. */
async function flagsTold(environment: Readonly<Record<string, string>>): Promise<unknown> {
  const { OFREP_ENDPOINT: url = '', OFREP_HEADERS: header = '' } = environment;
  const answer = await fetch(`${url}/ofrep/v1/evaluate/flags`, {
    method: 'POST',
    headers: { authorization: header.replace(/^Authorization=/, '') },
  });
  assert.equal(answer.status, 200);
  return answer.json();
}

function digestOf(facts: Facts): string {
  const { environment, ...rest } = facts;
  const sorted = Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify({ ...rest, sorted }))
    .digest('hex');
}

async function promote(world: World, text: string): Promise<string> {
  await world.apply(text);
  const end = await rolloutEnd(world, 'given');
  assert.equal(end.outcome, 'promoted', end.cause?.sentence);
  return end.toRevisionId;
}

test('after a way back the instance equals the one before, whatever the files say by then', async () => {
  await using world = await start();
  const first = await promote(world, release('v1'));
  const before = await factsOf(world);
  assert.deepEqual(
    ['REGION', 'OWN', 'EQUALS', 'PASSWORD', 'API_KEY'].map((name) => before.environment[name]),
    ['eu', 'v1', 'a=b', password, apiKey],
  );
  assert.deepEqual(before.config, { 'settings.json': '{"color":"blue"}' });

  // The same file again is the same revision; another content of what it names is another one.
  assert.match((await world.apply(release('v1'))).stdout, /unchanged/);
  await world.write('{"color":"green"}', 'settings.json');
  await world.write('REGION=us\n', 'common.env');
  const other = release('v1').replace('max: 3', 'max: 5').replace('Variant: off', 'Variant: on');
  const second = await promote(world, other);
  assert.notEqual(second, first);
  const between = await factsOf(world);
  assert.notEqual(digestOf(between), digestOf(before));
  assert.deepEqual(between.config, { 'settings.json': '{"color":"green"}' });
  assert.deepEqual(
    [before.bounds, between.bounds],
    [
      { min: 1, max: 3 },
      { min: 1, max: 5 },
    ],
  );
  assert.match(JSON.stringify([before.flags, between.flags]), /"value":false.*"value":true/);

  await world.must('rollout', 'undo', 'given');
  assert.equal((await rolloutEnd(world, 'given', { rolloutId: 'given-3' })).outcome, 'promoted');
  const after = await factsOf(world);
  assert.deepEqual(after, before);
  assert.equal(digestOf(after), digestOf(before));

  // That the comparison sees a difference is shown by one in each part.
  const planted: readonly Partial<Facts>[] = [
    { command: [...before.command, '--fast'] },
    { folder: '/' },
    { environment: { ...before.environment, PASSWORD: 'another' } },
    { config: { 'settings.json': '{"color":"red"}' } },
    { flags: between.flags },
    { bounds: { min: 1, max: 4 } },
    { revision: null },
  ];
  for (const part of planted) {
    assert.notEqual(digestOf({ ...after, ...part }), digestOf(before), JSON.stringify(part));
  }
  await world.verifyLedger();
});

test('a secret is in the process alone: in no file of the state folder, no entry, no answer, no command line', async () => {
  await using world = await start();
  await promote(world, release('v1'));
  const { environment } = await factsOf(world);
  // By which it asks for its flags.
  const token =
    /Bearer (\S+)$/.exec(environment['OFREP_HEADERS'] ?? '')?.[1] ?? assert.fail('none');
  const said = await Promise.all([
    world.must('describe', 'given', '--output', 'json'),
    world.must('events', '--output', 'json'),
    world.must('get', 'instances', '--output', 'json'),
    world.must('ledger', 'export', join(world.folder, 'export')),
  ]);
  const texts = said.map(({ stdout }) => stdout);
  const names = await readdir(world.folder, { recursive: true, withFileTypes: true });
  let count = 0;
  for (const entry of names) {
    if (!entry.isFile() || entry.name === 'password') continue;
    texts.push(await readFile(join(entry.parentPath, entry.name), 'latin1'));
    count += 1;
  }
  for (const pid of world.processes()) {
    texts.push(await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => ''));
  }
  // What entries were decided from is packed.
  using ledger = new DatabaseSync(join(world.stateFolder, 'ledger.db'), { readOnly: true });
  for (const { bytes } of ledger.prepare('SELECT bytes FROM blob').all()) {
    if (bytes instanceof Uint8Array) texts.push(zstdDecompressSync(bytes).toString('utf8'));
  }
  assert.ok(count > 10, `${count} files were read`);
  const found = (text: string): number => texts.filter((each) => each.includes(text)).length;
  assert.deepEqual([found(password), found(apiKey), found(token)], [0, 0, 0]);
  // That they would be found is shown by a variable that is no secret: in an instance's record, and packed in the ledger.
  assert.deepEqual([found('"REGION": "eu"') > 0, found('"REGION":"eu"') > 0], [true, true]);
});

test('a revision whose secret has changed since is not started, and the one that serves goes on', async () => {
  await using world = await start();
  await promote(world, release('v1'));
  await writeFile(join(world.folder, 'password'), 'another one\n');
  const second = await promote(world, release('v2'));
  await world.must('rollout', 'undo', 'given');
  const end = await rolloutEnd(world, 'given', { rolloutId: 'given-3' });
  assert.equal(end.outcome, 'rolled-back');
  assert.match(
    end.cause?.sentence ?? '',
    /secret PASSWORD \(.*password\) is not the one that this revision was applied with; put it back, or apply/,
  );
  const { status } = await world.service('given');
  assert.equal(status.stable?.id, second);
  assert.equal((await world.visit('given')).status, 200);
});

test('config that was changed where it is kept starts nothing', async () => {
  await using world = await start();
  await promote(world, release('v1'));
  await world.write('{"color":"green"}', 'settings.json');
  await promote(world, release('v2'));
  const kept = join(world.stateFolder, 'instances', 'config', 'contents');
  const blue = createHash('sha256').update('{"color":"blue"}').digest('hex');
  await writeFile(join(kept, blue), '{"color":"evil"}');
  await world.must('rollout', 'undo', 'given');
  const end = await rolloutEnd(world, 'given', { rolloutId: 'given-3' });
  assert.equal(end.outcome, 'rolled-back');
  assert.match(
    end.cause?.sentence ?? '',
    /config file settings\.json is not what it was when it was applied/,
  );
});

test('what cannot be taken is refused with its place and a remedy, and no word of a value', async () => {
  await using world = await makeWorld();
  await world.up();
  await world.write(program, 'program.mjs');
  await world.write('{}', 'settings.json');
  await world.write(`${password}\n`, 'common.env');
  await chmod(await world.write(`${password}\n`, 'password'), 0o644);
  const path = await world.write(release('v1'), 'given.yaml');
  const { code, stderr } = await world.run(['apply', '-f', path]);
  assert.equal(code, 1);
  assert.match(stderr, /given\.yaml:8:\d+: error: line 1 of common\.env is no NAME=VALUE/);
  assert.match(stderr, /given\.yaml:9:\d+: .*others may read it \(mode 0644\)/);
  assert.match(stderr, /chmod 600 /);
  assert.match(
    stderr,
    /given\.yaml:9:\d+: .*variable GIVEN_API_KEY of the server: the server has no such/,
  );
  assert.ok(!stderr.includes(password));
});
