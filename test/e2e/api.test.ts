/** The HTTP API as a stranger meets it: who is let in, how it refuses, and what its description says. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { json as readJson } from 'node:stream/consumers';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { problemSchema } from '../../src/api/wire.ts';
import { release } from './release.fixture.ts';
import { commandLine, projectFolder, startWorld, type World } from './world.fixture.ts';

const json = { 'content-type': 'application/json' };

describe('the API', () => {
  let world: World;

  before(async () => {
    world = await startWorld();
    await world.applyAndWait(release({ version: 'v1' }));
  });

  after(() => world[Symbol.asyncDispose]());

  interface Call {
    readonly what: string;
    readonly path: string;
    readonly init?: RequestInit;
    readonly status: number;
    readonly detail: RegExp;
  }

  const operate = { action: 'pause', who: 'me' };
  const calls: readonly Call[] = [
    {
      what: 'no token',
      path: '/v1/status',
      init: { headers: { authorization: '' } },
      status: 401,
      detail: /^the Authorization header does not carry a token of this server$/,
    },
    {
      what: 'a wrong token',
      path: '/v1/services',
      init: { headers: { authorization: `Bearer ${'x'.repeat(43)}` } },
      status: 401,
      detail: /does not carry a token/,
    },
    {
      what: 'a wrong token to an unknown path, which tells nobody what there is',
      path: '/v1/nothing',
      init: { headers: { authorization: 'Bearer no' } },
      status: 401,
      detail: /does not carry a token/,
    },
    {
      what: 'a body that is no JSON',
      path: '/v1/apply',
      init: { method: 'POST', headers: json, body: '{"files": [' },
      status: 400,
      detail: /JSON/,
    },
    {
      what: 'a body of another shape',
      path: '/v1/apply',
      init: { method: 'POST', headers: json, body: '{"files": []}' },
      status: 400,
      detail: /files/,
    },
    {
      what: 'a body of another type',
      path: '/v1/apply',
      init: { method: 'POST', headers: { 'content-type': 'text/xml' }, body: '<a/>' },
      status: 415,
      detail: /^Unsupported Media Type/,
    },
    {
      what: 'an action that is not known',
      path: '/v1/services/pay/actions',
      init: { method: 'POST', headers: json, body: JSON.stringify({ ...operate, action: 'fly' }) },
      status: 400,
      detail: /action/,
    },
    {
      what: 'an action without who it is',
      path: '/v1/services/pay/actions',
      init: { method: 'POST', headers: json, body: '{"action":"pause"}' },
      status: 400,
      detail: /who/,
    },
    {
      what: 'an action that cannot be done now',
      path: '/v1/services/pay/actions',
      init: { method: 'POST', headers: json, body: JSON.stringify(operate) },
      status: 409,
      detail: /^cannot pause: pay has no rollout under way$/,
    },
    {
      what: 'an unknown path',
      path: '/v2/nothing?token=abc',
      status: 404,
      detail: /^there is no GET \/v2\/nothing$/,
    },
    {
      what: 'an unknown service',
      path: '/v1/services/nobody',
      status: 404,
      detail: /^there is no service "nobody"$/,
    },
    {
      what: 'an unknown rollout',
      path: '/v1/rollouts/pay-9/replay',
      status: 404,
      detail: /^there is no rollout "pay-9"; list what there is: tidegate get rollouts$/,
    },
    {
      what: 'an estimate of a rollout that is none',
      path: '/v1/estimate/nobody',
      status: 404,
      detail: /^there is no service "nobody"$/,
    },
    {
      what: 'an estimate without a rollout under way',
      path: '/v1/estimate/pay',
      status: 409,
      detail: /^no rollout of pay is under way; before a rollout, estimate its file/,
    },
    {
      what: 'a digest that is none',
      path: '/v1/ledger/inputs/1234',
      status: 400,
      detail: /sha256/,
    },
    {
      what: 'a name that is none',
      path: `/v1/services/${'x'.repeat(64)}`,
      status: 400,
      detail: /name/,
    },
    {
      what: 'a query that cannot be read',
      path: '/v1/events?from=yesterday',
      status: 400,
      detail: /from/,
    },
  ];

  for (const { what, path, init, status, detail } of calls) {
    test(`answers ${what} with ${status} and problem details`, async () => {
      const answer = await world.request(path, init);
      const text = await answer.text();
      assert.equal(answer.status, status, text);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json');
      const problem = problemSchema.parse(JSON.parse(text));
      assert.equal(problem.status, status);
      assert.match(problem.detail, detail);
      assert.notEqual(problem.title, 'Error', 'each status has its title');
      assert.ok(!text.includes(await world.token()), 'the token is in the answer');
      assert.doesNotMatch(text, /node:|\.ts:\d|at async/, 'a stack trace is in the answer');
    });
  }

  test('refuses a body over 8 MiB before it has come', async () => {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const headers = {
      ...json,
      authorization: `Bearer ${await world.token()}`,
      'content-length': 8 * 1024 * 1024 + 1,
    };
    const sent = httpRequest(new URL('/v1/apply', world.apiUrl), { method: 'POST', headers });
    sent.on('response', resolve).on('error', reject).flushHeaders();
    const answer = await promise;
    const problem = problemSchema.parse(await readJson(answer));
    assert.deepEqual(
      [answer.statusCode, problem.title, problem.detail],
      [413, 'Content Too Large', 'the request is over 8 MiB; send fewer files at once'],
    );
    sent.destroy();
  });

  test('lets anyone ask whether it lives and is ready, and nothing else', async () => {
    const nobody = { headers: { authorization: '' } };
    for (const path of ['/livez', '/readyz']) {
      const answer = await world.request(path, nobody);
      assert.deepEqual([answer.status, await answer.json()], [200, { status: 'ok' }]);
    }
    const others = ['/openapi.json', '/v1/events', '/v1/logs?service=pay', '/v1/ledger/export'];
    for (const path of [...others, '/livez/']) {
      const answer = await world.request(path, nobody);
      assert.equal(answer.status, 401, path);
      await answer.body?.cancel();
    }
    // Names of no route are views of the console to a browser: one page, the same for everybody.
    const page = await (await world.request('/', nobody)).text();
    for (const path of ['/LIVEZ', '/livez%2f..%2fv1/status', '/v1%2fstatus']) {
      assert.equal(await (await world.request(path, nobody)).text(), page, path);
    }
  });

  test('keeps its token out of every process list, log and environment', async () => {
    const token = await world.token();
    assert.match(token, /^[\w-]{43}$/);
    const pids = world.processes();
    assert.ok(pids.length >= 3, 'server, gateway and an instance');
    const over = new AbortController();
    const watching = world.run(['status', '--watch'], { boundMs: 1_500 });
    void watching.finally(() => over.abort());
    const seen = new Set<string>();
    while (!over.signal.aborted) {
      for (const pid of world.processes()) seen.add(commandLine(pid));
      await sleep(50);
    }
    await watching;
    assert.ok([...seen].some((line) => line.includes('status --watch')));
    for (const line of seen) assert.ok(!line.includes(token), line);
    for (const text of await world.logs()) assert.ok(!text.includes(token), 'the token is logged');
  });

  test('describes itself by OpenAPI 3.1', async () => {
    const answer = await world.request('/openapi.json');
    assert.equal(answer.status, 200);
    const document: unknown = await answer.json();
    checkOpenApi(document);
    // What the file says is held by src/apps/server/http/openapi.test.ts: that it is all there is, here.
    const file = await readFile(join(projectFolder, 'docs/openapi.json'), 'utf8');
    const described = JSON.parse(file) as OpenApi;
    assert.deepEqual(
      Object.keys(document.paths).toSorted(),
      Object.keys(described.paths).toSorted(),
    );
  });
});

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

/** What the OpenAPI Specification 3.1.0, sections 4.8.1-4.8.16, demands of a document's structure. */
function checkOpenApi(value: unknown): asserts value is OpenApi {
  const document = value as OpenApi & {
    readonly openapi: string;
    readonly info: { readonly title: string; readonly version: string };
  };
  assert.match(document.openapi, /^3\.1\.\d+$/);
  assert.ok(document.info.title.length > 0 && document.info.version.length > 0);
  for (const [path, item] of Object.entries(document.paths)) {
    assert.match(path, /^\//);
    for (const [method, operation] of Object.entries(item)) {
      assert.match(method, /^(get|post|put|delete|patch|head|options|trace)$/, path);
      assert.ok(Object.keys(operation.responses).length > 0, `${method} ${path} has no response`);
      for (const [status, response] of Object.entries(operation.responses)) {
        assert.match(status, /^([1-5]\d\d|default)$/);
        assert.ok(typeof response === 'object' && response !== null && 'description' in response);
      }
      const wanted = [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]);
      const given = (operation.parameters ?? []).filter((each) => each.in === 'path');
      assert.deepEqual(
        given.map((each) => each.name),
        wanted,
        `${method} ${path}`,
      );
    }
  }
  for (const reference of JSON.stringify(document).matchAll(/"\$ref":"([^"]*)"/g)) {
    const parts = (reference[1] ?? '').replace(/^#\//, '').split('/');
    let target: unknown = document;
    for (const part of parts) target = (target as Record<string, unknown> | undefined)?.[part];
    assert.notEqual(target, undefined, `${reference[1]} points nowhere`);
  }
}
