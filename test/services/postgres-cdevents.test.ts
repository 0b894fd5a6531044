import assert from 'node:assert/strict';
import { chmod, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { listening, type Receiver } from '../e2e/cdevents-receiver.fixture.ts';
import { release } from '../e2e/release.fixture.ts';
import { makeWorld, waitFor, type World } from '../e2e/world.fixture.ts';
import { Postgres, withoutPostgres } from './postgres.fixture.ts';

/** Generous: the machine may be ten times slower than ours. */
const patient = { timeoutMs: 300_000 };

if (withoutPostgres !== false) {
  test('a sink of CDEvents on PostgreSQL', { skip: withoutPostgres }, () => {});
} else {
  const postgres = await Postgres.start();
  after(() => postgres[Symbol.asyncDispose]());

  test('the server that takes a ledger over goes on with its events, and sends none anew', async () => {
    await using receiver = await listening();
    const environment = { TIDEGATE_STORE_URL: await postgres.newDatabase() };
    await using first = await makeWorld({ environment });
    await upWithSink(first, receiver);
    await first.applyAndWait(release({ version: 'v1' }));
    await sentAll(first);
    assert.equal(receiver.state.tries, 2);
    await first.killServer();

    await using second = await makeWorld({ environment });
    const keys = [join(first.stateFolder, 'keys'), join(second.stateFolder, 'keys')] as const;
    await cp(...keys, { recursive: true });
    await upWithSink(second, receiver);
    await second.must('delete', 'pay', '--reason', 'moved');
    await waitFor('the event of the deletion', () => receiver.state.taken.length > 2, patient);
    await sentAll(second);
    assert.equal(receiver.state.tries, 3);
    const kinds = receiver.state.taken.map(({ type }) => type.split('.')[3]);
    assert.deepEqual(kinds, ['deployed', 'published', 'removed']);
  });
}

async function upWithSink(world: World, receiver: Receiver): Promise<void> {
  const url = `${receiver.url.replace('//', '//ana:s3cret@')}/in?key=s3cret\n`;
  const file = await world.write(url, 'sink');
  await chmod(file, 0o600);
  await world.must(...world.upArguments, '--timeout', '3m', '--cdevents-sink-file', file);
}

async function sentAll(world: World): Promise<void> {
  const ask = async (): Promise<boolean> => (await world.status()).cdEvents?.behindEntries === 0;
  await waitFor('all events to be sent', ask, patient);
}
