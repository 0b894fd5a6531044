/** Who gets in at the API, what they may, and what the ledger says of it, by real tokens of a real server. */
import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';

import { tokenCreatedSchema, tokenListSchema } from '../../src/api/tokens-wire.ts';
import { eventListSchema, serviceListSchema } from '../../src/api/wire.ts';
import { type Role, roles } from '../../src/domain/identity/role.ts';
import { matrix, type MatrixRow, signOut, unmatched } from './access-matrix.fixture.ts';
import { Browser } from './browser.fixture.ts';
import { release } from './release.fixture.ts';
import { commandLine, type Ran, startWorld, waitFor, type World } from './world.fixture.ts';

const auditSchema = z.array(
  z.object({ person: z.string(), action: z.string(), sentence: z.string() }),
);

describe('people at the API', () => {
  let world: World;
  /** By role, for all services; `other`: an admin's for another service alone. */
  const secrets = new Map<Role | 'other', string>();
  /** Signed in with the tokens of the same names. */
  const browsers = new Map<Role | 'other', Browser>();

  before(async () => {
    world = await startWorld();
    for (const role of roles) secrets.set(role, (await create(role, role)).secret);
    secrets.set('other', (await create('other', 'admin', 'default/pay')).secret);
    for (const [whose, token] of secrets) {
      const browser = new Browser(world.apiUrl);
      await browser.signIn({ token });
      browsers.set(whose, browser);
    }
  });

  after(() => world[Symbol.asyncDispose]());

  async function create(person: string, role: Role, service = '*/*') {
    const wish = ['--role', role, '--service', service, '--reason', 'a test'];
    const ran = await world.must('token', 'create', person, ...wish, '-o', 'json');
    return tokenCreatedSchema.parse(JSON.parse(ran.stdout));
  }

  async function ask(row: MatrixRow, secret: string): Promise<number> {
    const [method = ''] = row.route.split(' ');
    const headers = {
      authorization: `Bearer ${secret}`,
      ...(row.body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const body = row.body === undefined ? {} : { body: JSON.stringify(row.body) };
    const answer = await world.request(row.path, { method, headers, ...body });
    await answer.body?.cancel();
    return answer.status;
  }

  /** As `ask`, by the cookie of whoever signed in. */
  async function askSignedIn(row: MatrixRow, whose: Role | 'other'): Promise<number> {
    const browser = browsers.get(whose);
    assert.ok(browser !== undefined, whose);
    const [method = ''] = row.route.split(' ');
    const answer = await browser.ask(method, row.path, row.body);
    await answer.body?.cancel();
    return answer.status;
  }

  function secretOf(whose: Role | 'other'): string {
    const secret = secrets.get(whose);
    assert.ok(secret !== undefined, whose);
    return secret;
  }

  test('every route of the OpenAPI document has its row in the matrix', async () => {
    const document: unknown = await (await world.request('/openapi.json')).json();
    const { paths } = z
      .object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
      .parse(document);
    assert.deepEqual(unmatched({ paths }, matrix), []);
    const planted = { ...paths, '/v1/forgotten': { post: {} } };
    assert.deepEqual(unmatched({ paths: planted }, matrix), ['POST /v1/forgotten has no row']);
    assert.equal(unmatched({ paths }, matrix.slice(1)).length, 1);
  });

  for (const row of matrix.filter(({ route }) => route !== 'POST /v1/stop')) {
    const what = row.what === undefined ? row.route : `${row.route} (${row.what})`;
    test(`${what} is for ${row.roles.join(', ')}`, async () => {
      const allowed: Role[] = [];
      for (const role of roles) {
        const status = await ask(row, secretOf(role));
        if (row !== signOut) {
          assert.equal(await askSignedIn(row, role), status, `${role}, by cookie`);
        }
        assert.ok(status !== 401 && status < 500, `${role}: ${status}`);
        // Whoever may gets as far as the handler, which is not what is tested; its 400 would hide a 403.
        assert.notEqual(status, 400, `${role}: the body is not what the route takes`);
        if (status !== 403) allowed.push(role);
      }
      assert.deepEqual(allowed, row.roles);
      if (row.isOfService !== true) return;
      assert.equal(await ask(row, secretOf('other')), 403);
      assert.equal(await askSignedIn(row, 'other'), 403);
    });
  }

  test('a token shows and opens the services it is for', async () => {
    await world.applyAndWait(release({ version: 'v1' }));
    const get = async (path: string, whose: Role | 'other'): Promise<unknown> => {
      const headers = { authorization: `Bearer ${secretOf(whose)}` };
      return (await world.request(path, { headers })).json();
    };
    const far = await create('far', 'admin', 'default/far-*');
    const headers = { authorization: `Bearer ${far.secret}` };
    for (const [path, key] of [
      ['/v1/services', 'items'],
      ['/v1/events', 'items'],
    ] as const) {
      const seen = (await (await world.request(path, { headers })).json()) as Record<
        string,
        unknown
      >;
      assert.deepEqual(seen[key], [], path);
    }
    const { items } = serviceListSchema.parse(await get('/v1/services', 'other'));
    assert.deepEqual(
      items.map(({ metadata }) => metadata.name),
      ['pay'],
    );
    const events = eventListSchema.parse(await get('/v1/events', 'other')).items;
    assert.ok(events.length > 0 && events.every(({ service }) => service === 'pay'));
    const every = eventListSchema.parse(await get('/v1/events', 'viewer')).items;
    assert.ok(every.some(({ service }) => service === null));
  });

  test('what is done is by the person of the token, whatever the request says', async () => {
    const body = JSON.stringify({ action: 'restart', who: 'the chief', why: 'a test' });
    const answer = await world.request('/v1/services/pay/actions', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secretOf('operator')}`,
        'content-type': 'application/json',
      },
      body,
    });
    assert.equal(answer.status, 200, await answer.text());
    const { items } = eventListSchema.parse(await (await world.request('/v1/events')).json());
    const by = items.filter((event) => event.by?.why === 'a test' && event.service === 'pay');
    assert.deepEqual([...new Set(by.map((event) => event.by?.who))], ['operator']);
  });

  test('a token works from the command line by TIDEGATE_SERVER and a private file', async () => {
    const path = join(world.folder, 'viewer-token');
    await writeFile(path, `${secretOf('viewer')}\n`, { mode: 0o600 });
    const environment = { TIDEGATE_SERVER: world.apiUrl, TIDEGATE_TOKEN_FILE: path };
    const run = (...command: string[]): Promise<Ran> => world.run(command, { environment });
    assert.equal((await run('get', 'services')).code, 0);
    const refused = await run('rollout', 'promote', 'pay');
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /viewer viewer may not rollouts:promote on default\/pay: no policy/,
    );
    await chmod(path, 0o644);
    const open = await run('get', 'services');
    assert.equal(open.code, 2, open.stderr);
    assert.match(open.stderr, /has a token, and others can read it[^]*chmod 600/);
  });

  test('a revoked token opens nothing; lists, logs and process lists have no secret', async () => {
    const made = await create('gone', 'admin');
    const headers = { authorization: `Bearer ${made.secret}` };
    assert.equal((await world.request('/v1/status', { headers })).status, 200);
    const list = await world.must('token', 'list', '-o', 'json');
    const { items } = tokenListSchema.parse(JSON.parse(list.stdout));
    assert.ok(items.some(({ id, person }) => id === made.token.id && person === 'gone'));
    const stream = await world.request('/v1/events?follow=true&from=1000000', { headers });
    await world.must('token', 'revoke', made.token.id, '--reason', 'gone');
    // The revocation is the next event: the stream ends instead of telling it.
    assert.doesNotMatch(await stream.text(), /data:/);
    assert.equal((await world.request('/v1/status', { headers })).status, 401);
    const texts = [list.stdout, ...(await world.logs()), ...world.processes().map(commandLine)];
    for (const secret of [made.secret, ...secrets.values()]) {
      for (const text of texts) assert.ok(!text.includes(secret), text);
    }
  });

  test('the ledger says who did and who was refused what', async () => {
    const rows = async (person: string) => {
      const ran = await world.must('audit', '--person', person, '-o', 'json');
      return auditSchema.parse(JSON.parse(ran.stdout));
    };
    const operator = await rows('operator');
    assert.ok(
      operator.some(({ sentence }) => /restart/.test(sentence)),
      JSON.stringify(operator),
    );
    // The first refusal is there at once, what came within a minute after it at the end of that minute or of the server.
    const viewer = await rows('viewer');
    assert.match(viewer[0]?.sentence ?? '', /^viewer signs in with token /);
    const first = viewer.find(({ action }) => action.startsWith('refuse'));
    assert.match(first?.sentence ?? JSON.stringify(first), /^refused: viewer viewer may not /);
    assert.match(first?.action ?? '', /^refuse /);
  });

  test('only an admin stops the server, which is an entry; tokens and policies of one’s own outlive it', async () => {
    const stop = matrix.find(({ route }) => route === 'POST /v1/stop');
    assert.ok(stop !== undefined);
    for (const role of [...roles.filter((each) => each !== 'admin'), 'other'] as const) {
      assert.equal(await ask(stop, secretOf(role)), 403, role);
    }
    const pid = (await world.serverFile())?.pid;
    assert.ok(pid !== undefined);
    assert.equal(await ask(stop, secretOf('admin')), 202);
    await waitFor('the end of the server', () => !world.processes().includes(pid));
    const policies = join(world.folder, 'policies');
    await mkdir(policies);
    const own = join(policies, 'own.cedar');
    await writeFile(own, 'permit (principal, action == Tidegate::Action::"fly", resource);\n');
    const wrong = await world.run([...world.upArguments, '--policies', policies]);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /own\.cedar:1:30: unrecognized action/);
    await writeFile(
      own,
      '@id("nobody logs")\nforbid (principal, action == Tidegate::Action::"services:logs", resource);\n',
    );
    await world.must(...world.upArguments, '--policies', policies);
    const logs = { route: 'GET /v1/logs', path: '/v1/logs?service=pay', roles: [] };
    assert.equal(await ask(logs, secretOf('admin')), 403);
    assert.equal(await ask({ ...logs, path: '/v1/status' }, secretOf('admin')), 200);
    const ran = await world.must('audit', '-o', 'json');
    const rows = auditSchema.parse(JSON.parse(ran.stdout));
    const stops = rows.filter(({ action }) => /server:stop/.test(action));
    assert.ok(
      stops.some(({ person, action }) => person === 'admin' && action === 'allow server:stop'),
    );
    assert.ok(
      stops.some(({ action }) => action === 'refuse server:stop') ||
        rows.some(({ sentence }) => /other wishes/.test(sentence)),
    );
  });
});
