/** What happens is posted to a sink as CDEvents, whatever happens to the server or the sink, and nobody gets to see its password. */
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { type Event, listening } from './cdevents-receiver.fixture.ts';
import { release } from './release.fixture.ts';
import { commandLine, kill, makeWorld, waitFor, type World } from './world.fixture.ts';

/** The waits between tries double while the machine is busy. */
const patient = { timeoutMs: 300_000 };

test('events reach the sink in order through its failures and a killed server, and so they are followed', async () => {
  await using world = await makeWorld();
  await using receiver = await listening();
  const file = join(world.folder, 'sink');
  await writeFile(file, `${receiver.url.replace('//', '//ana:s3cret@')}/in?key=s3cret\n`);
  const up = [...world.upArguments, '--timeout', '120s'];
  const asked = [...up, '--cdevents-sink-file', file, '--cdevents-environment', 'staging'];
  await chmod(file, 0o644);
  const refused = await world.run(asked);
  assert.equal(refused.code === 0, false);
  assert.match(refused.stderr, /chmod 600/);
  await chmod(file, 0o600);
  await world.must(...asked);

  receiver.state.status = 503;
  await world.applyAndWait(release({ version: 'v1', steps: ['100%'], bake: '0s' }));
  await waitFor('a try that failed', () => receiver.state.tries > 0);
  // The server knows of it when it has the answer.
  const failed = /cannot send CDEvents to http:\/\/127\.0\.0\.1:\d+: /;
  await waitFor('the server to say so', async () =>
    failed.test((await world.status()).cdEvents?.problem ?? ''),
  );
  assert.match((await world.must('status')).stdout, /all later ones wait/);
  await world.killServer();
  // Remembered.
  await world.must(...up);
  receiver.state.status = 202;
  await waitFor('the first events', () => receiver.state.taken.length >= 2, patient);

  const followed: string[] = [];
  const following = world.run(
    ['events', '--format', 'cdevents', '--environment', 'staging', '--follow'],
    { onOutput: (text) => void followed.push(text), boundMs: 900_000 },
  );
  await world.applyAndWait(
    release({ version: 'v2', steps: ['{ weight: 100%, gate: false }'], bake: '0s' }),
  );
  await world.must('rollout', 'undo', 'pay', '--reason', 'v2 loses carts');
  await world.must('rollout', 'status', 'pay', '--timeout', '170s');
  await waitFor('the events of the undo', () => receiver.state.taken.length >= 6, patient);
  const kinds = receiver.state.taken.map(({ type }) => type.split('.').slice(2, 4).join('.'));
  const arrivals = ['deployed', 'upgraded', 'rolledback'];
  assert.deepEqual(
    kinds,
    arrivals.flatMap((kind) => [`service.${kind}`, 'service.published']),
  );
  assert.equal(artifactOf(receiver.state.taken[4]), artifactOf(receiver.state.taken[0]));
  const status = await waitFor('the last entry', async () => {
    const found = (await world.status()).cdEvents;
    return found?.behindEntries === 0 ? found : null;
  });
  assert.deepEqual([status.problem, status.unwanted, status.sink], [null, 0, receiver.url]);

  const printed = await world.must('events', '--format', 'cdevents', '--environment', 'staging');
  assert.deepEqual(linesOf(printed.stdout), receiver.state.taken);
  await waitFor('the same to be followed', () => linesOf(followed.join('')).length >= 6);
  assert.deepEqual(linesOf(followed.join('')), receiver.state.taken);
  const follower = world.processes().find((pid) => commandLine(pid).endsWith('--follow'));
  kill(follower ?? assert.fail('nobody follows'), 'SIGTERM');
  await following;
  await noSecretIsSeen(world);
  await world.verifyLedger();
  await world.must('replay', 'pay-3');

  await world.must('down', '--keep-instances');
  await world.must(...up, '--cdevents-sink', 'off');
  assert.equal((await world.status()).cdEvents, null);
});

async function noSecretIsSeen(world: World): Promise<void> {
  const seen = [...world.processes().map(commandLine), ...(await world.logs())].join('\n');
  assert.doesNotMatch(seen, /s3cret|YW5hOnMzY3JldA/);
  assert.match(seen, /cdevents-sink-file|"listening"/);
}

function artifactOf(event: Event | undefined): string | undefined {
  return event?.data.subject.content.artifactId;
}

/** Whole lines only: a last one may be under way. */
function linesOf(output: string): readonly Event[] {
  return output
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Event);
}
