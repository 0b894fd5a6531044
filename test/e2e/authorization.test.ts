/** Authorization from the release file to what callers get, and what `tidegate` says of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { policyCheckSchema } from '../../src/api/policy-wire.ts';
import { send } from '../../src/apps/gateway/gateway-fixture.ts';
import { release } from './release.fixture.ts';
import { makeWorld, type World } from './world.fixture.ts';

const authorization = `  traffic:
    host: pay.localhost
    authorization:
      rules:
        - name: here
          from: [{ source: { ipBlocks: [127.0.0.0/8] } }]
          to: [{ operation: { methods: [GET], paths: ["*"] } }]
        - name: no-admin
          action: DENY
          to: [{ operation: { paths: [/admin/*] } }]
`;

/** In place of the file's own traffic. */
function guarded(text: string): string {
  const lines = release({ version: 'v1' })
    .split('\n')
    .filter((line) => !line.startsWith('  traffic:'));
  return lines.join('\n').replace('spec:\n', `spec:\n${text}`);
}

async function asked(world: World, path: string) {
  const ran = await world.run(['policy', 'check', 'anonymous', 'pay', 'GET', path, '-o', 'json']);
  assert.equal(ran.stderr, '');
  return { code: ran.code, check: policyCheckSchema.parse(JSON.parse(ran.stdout)) };
}

test('a service that says who may ask is served to them alone, and policy check says the same', async () => {
  await using world = await makeWorld();
  await world.must(...world.upArguments, '--default-authorization', 'deny');
  await world.applyAndWait(guarded(authorization));
  const rows = [
    ['/', 200, 0, 'here'],
    ['/admin', 403, 1, 'no-admin'],
    ['/x/..;/ADMIN/', 403, 1, 'no-admin'],
  ] as const;
  for (const [path, status, code, rule] of rows) {
    const answer = await send(world.ports.gateway, { path, host: 'pay.localhost' });
    assert.equal(answer.status, status, path);
    const { check, code: exited } = await asked(world, path);
    assert.equal(exited, code, check.sentence);
    assert.equal(check.rule?.name, rule);
    assert.match(check.rule?.place ?? '', /\.yaml:\d+:11$/);
  }
  const described = await world.must('describe', 'pay');
  assert.match(described.stdout, /Authorization: +mode enforce, no-admin DENY \/admin\/\*/);
});

test('by default a service that says nothing is served to nobody, after a restart without the flag too', async () => {
  await using world = await makeWorld();
  await world.must(...world.upArguments, '--default-authorization', 'deny');
  await world.applyAndWait(release({ version: 'v1' }));
  assert.equal((await world.visit('pay')).status, 403);
  const { check, code } = await asked(world, '/');
  assert.equal(code, 1);
  assert.match(
    check.sentence,
    /declares no authorization, and the default of this installation is deny/,
  );
  await world.must('down', '--keep-instances');
  await world.must(...world.upArguments);
  assert.equal((await asked(world, '/')).code, 1);
  assert.equal((await world.visit('pay')).status, 403);
});
