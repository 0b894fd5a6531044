/** Zones from the release file and the command line to where requests go. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { release } from './release.fixture.ts';
import { makeWorld, waitFor } from './world.fixture.ts';

const requests = 30;

test('a gateway in a zone sends to the instance there, and describe shows who is where', async () => {
  await using world = await makeWorld();
  const log = join(world.folder, 'access.log');
  await world.must(...world.upArguments, '--zone', 'b', '--access-log', log);
  const text = release({ version: 'v1', instances: 2 }).replace(
    'spec:\n',
    'spec:\n  zones: [a, b]\n',
  );
  await world.applyAndWait(text);
  const { instances } = (await world.service('pay')).status;
  assert.equal(instances.length, 2);
  assert.deepEqual(new Set(instances.map(({ zone }) => zone)), new Set(['a', 'b']));
  const near = instances.find(({ zone }) => zone === 'b');
  const described = await world.must('describe', 'pay');
  assert.match(described.stdout, new RegExp(`${near?.id} .*zone b`));
  for (let sent = 0; sent < requests; sent += 1) {
    assert.equal((await world.visit('pay')).status, 200);
  }
  const lines = await waitFor('all lines of the access log', async () => {
    const all = (await readFile(log, 'utf8')).trim().split('\n');
    return all.length >= requests ? all : null;
  });
  const served = lines
    .slice(-requests)
    .map((line): unknown => JSON.parse(line)['tidegate.instance']);
  assert.deepEqual(new Set(served), new Set([near?.id]));
});

test('a zone that is no name is said in one line', async () => {
  await using world = await makeWorld();
  const ran = await world.run([...world.upArguments, '--zone', 'a b']);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /--zone: must be 1-63 letters/);
});
