/** Flags as an instance sees them that asks with the SDK of OpenFeature: turned by a step, and back with everything else. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ownAddress } from '../../src/apps/gateway/gateway-fixture.ts';
import { makeWorld, rolloutEnd, waitFor, type World } from './world.fixture.ts';

const program = fileURLToPath(new URL('flagged-service.fixture.ts', import.meta.url));

function release(version: string, last = ''): string {
  return `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: flagged, labels: { version: ${version} } }
spec:
  run:
    command: [node, ${program}]
    env: { VERSION: ${version}${last} }
  scale: { min: 1 }
  health: { ready: { http: /readyz, timeout: 30s, failureThreshold: 10 }, stopGrace: 2m, startTimeout: 2m }
  flags:
    new-checkout:
      variants: { on: true, off: false }
      defaultVariant: off
      targeting: [{ when: { country: de }, variant: on }]
      environments: { staging: { defaultVariant: on } }
  rollout:
    steps:
      - { weight: 40%, gate: false, approval: true, match: { header: x-canary, value: yes } }
      - { weight: 50%, gate: false, approval: true, match: { header: x-canary, value: yes }, flags: { new-checkout: on } }
      - 100%
    bake: 0s
`;
}

async function start(...more: readonly string[]): Promise<World> {
  const world = await makeWorld();
  // An address that no other server takes while a gateway is gone.
  await world.must(...world.upArguments, '--flags-listen', `${ownAddress}:0`, ...more);
  return world;
}

const canary = { 'x-canary': 'yes' };

async function comesToSay(world: World, headers: Record<string, string>, want: string) {
  await waitFor(want, async () => {
    const { status, version } = await world.visit('flagged', headers).catch(() => noAnswer);
    return status === 200 && version === want ? true : null;
  });
}

const noAnswer = { status: 0, version: '' };

/** What users get who come as they are: both revisions, each with its own flag. */
async function saidToUsers(world: World): Promise<ReadonlySet<string>> {
  const said = new Set<string>();
  for (let count = 0; count < 40; count += 1) said.add((await world.visit('flagged')).version);
  return said;
}

async function stepIs(world: World, stepNumber: number): Promise<void> {
  await waitFor(`step ${stepNumber}`, async () => {
    const { rollout } = (await world.service('flagged')).status;
    return rollout?.stepNumber === stepNumber && rollout.phase === 'waiting' ? true : null;
  });
}

async function isShown(world: World): Promise<void> {
  const [candidate, stable] =
    (await world.service('flagged')).status.flags?.toSorted((a, b) => (a.role < b.role ? -1 : 1)) ??
    [];
  assert.deepEqual(
    [stable?.role, stable?.variant, stable?.value, stable?.sentence],
    ['stable', 'off', false, 'off where no rule says otherwise, by default'],
  );
  assert.deepEqual(
    [candidate?.variant, candidate?.turnedBy, candidate?.sentence],
    [
      'on',
      { rolloutId: 'flagged-2', stepNumber: 2 },
      'on where no rule says otherwise, turned by flagged-2 at step 2; off by default',
    ],
  );
  const rows = JSON.parse((await world.must('get', 'flags', 'flagged', '-o', 'json')).stdout) as {
    items: unknown[];
  };
  assert.equal(rows.items.length, 2);
  assert.match(
    (await world.must('get', 'flags')).stdout,
    /new-checkout +flagged +candidate +ENABLED +on +true/,
  );
  assert.match(
    (await world.must('describe', 'flagged')).stdout,
    /Flag new-checkout: +stable off where .*; candidate on where .*, turned by flagged-2 at step 2/,
  );
  const evaluate = ['flag', 'evaluate', 'flagged', 'new-checkout'];
  const german = await world.must(...evaluate, '--attribute', 'country=de');
  assert.match(german.stdout, /stable +flagged-\w+ +on +true +TARGETING_MATCH/);
  const plain = JSON.parse((await world.must(...evaluate, '-o', 'json')).stdout) as {
    items: { role: string; variant: string }[];
  };
  assert.deepEqual(
    new Map(plain.items.map(({ role, variant }) => [role, variant])),
    new Map([
      ['stable', 'off'],
      ['candidate', 'on'],
    ]),
  );
  const unknown = await world.run(['flag', 'evaluate', 'flagged', 'old-checkout']);
  assert.deepEqual([unknown.code, /has no flag "old-checkout"/.test(unknown.stderr)], [1, true]);
}

test('a step turns a flag for the candidate, an abort turns it back, and an undo brings back what there was', async () => {
  await using world = await start();
  // Its first rollout has one step, which ends with the flag turned; so its file has no such steps.
  await world.applyAndWait(release('v1').replace(', flags: { new-checkout: on }', ''));
  await comesToSay(world, {}, 'v1 off=false');
  await comesToSay(world, { 'x-country': 'de' }, 'v1 on=true');

  await world.apply(release('v2', ', LAST: off=false'));
  await stepIs(world, 1);
  await comesToSay(world, canary, 'v2 off=false');
  await world.must('rollout', 'promote', 'flagged');
  await stepIs(world, 2);
  // In force with the step's weight, so from the first request on.
  assert.equal((await world.visit('flagged', canary)).version, 'v2 on=true');
  assert.deepEqual(await saidToUsers(world), new Set(['v1 off=false', 'v2 on=true']));

  await isShown(world);

  // Nobody needs the server for it.
  await world.must('down', '--keep-instances');
  assert.equal((await world.visit('flagged', canary)).version, 'v2 on=true');
  await world.must(...world.upArguments, '--flags-listen', `${ownAddress}:0`);
  await stepIs(world, 2);

  await world.must('rollout', 'abort', 'flagged', '--reason', 'carts are lost');
  assert.equal(
    (await rolloutEnd(world, 'flagged', { rolloutId: 'flagged-2' })).outcome,
    'rolled-back',
  );
  assert.deepEqual(await saidToUsers(world), new Set(['v1 off=false']));
  // The candidate itself was told so before it ended.
  await waitFor('the candidate to end', async () =>
    (await readFile(join(world.folder, 'seen'), 'utf8')).includes('v2 ends off=false')
      ? true
      : null,
  );

  await world.apply(release('v3'));
  await stepIs(world, 1);
  await world.must('rollout', 'promote', 'flagged', '--full');
  assert.equal(
    (await rolloutEnd(world, 'flagged', { rolloutId: 'flagged-3' })).outcome,
    'promoted',
  );
  assert.deepEqual(await saidToUsers(world), new Set(['v3 on=true']));
  const entries = (await world.events()).map(({ sentence }) => sentence);
  const said = (part: string) => entries.filter((each) => each.includes(part)).length;
  assert.deepEqual(
    [said('turning new-checkout to on'), said('turning new-checkout back to off')],
    [1, 1],
  );

  await world.must('rollout', 'undo', 'flagged');
  assert.equal(
    (await rolloutEnd(world, 'flagged', { rolloutId: 'flagged-4' })).outcome,
    'promoted',
  );
  assert.deepEqual(await saidToUsers(world), new Set(['v1 off=false']));
  await world.must('rollout', 'undo', 'flagged');
  assert.equal(
    (await rolloutEnd(world, 'flagged', { rolloutId: 'flagged-5' })).outcome,
    'promoted',
  );
  assert.deepEqual(await saidToUsers(world), new Set(['v3 on=true']));
  await world.verifyLedger();
});

test('flags are those of the environment when they are applied, and a gateway that dies comes back with them', async () => {
  await using world = await start('--environment', 'staging');
  await world.applyAndWait(release('v1').replace(', flags: { new-checkout: on }', ''));
  await comesToSay(world, {}, 'v1 on=true');
  const { flags, stable } = (await world.service('flagged')).status;
  assert.equal(flags?.[0]?.environment, 'staging');

  // Remembered, so that the same file is the same revision after a restart; and another name turns nothing by itself.
  await world.must('down', '--keep-instances');
  await world.must(...world.upArguments, '--flags-listen', `${ownAddress}:0`);
  const again = await world.apply(release('v1').replace(', flags: { new-checkout: on }', ''));
  assert.match(again.stdout, /unchanged/);
  await world.must('down', '--keep-instances');
  const named = ['--flags-listen', `${ownAddress}:0`, '--environment', 'production'];
  await world.must(...world.upArguments, ...named);
  await comesToSay(world, {}, 'v1 on=true');
  assert.equal((await world.service('flagged')).status.stable?.id, stable?.id);

  const { pid } = (await world.status()).gateway;
  process.kill(pid ?? assert.fail('no gateway'), 'SIGKILL');
  await waitFor('another gateway', async () => {
    const { gateway } = await world.status();
    return gateway.pid !== pid && gateway.isReachable ? true : null;
  });
  // By the address that the instance was started with, and from the table that was kept.
  await comesToSay(world, {}, 'v1 on=true');
});
