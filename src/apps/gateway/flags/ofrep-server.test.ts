import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { sha256Hex } from '../../../domain/evidence/digest.ts';
import type { AskedFlags } from '../../../domain/flags/check-flags.ts';
import type { Flag } from '../../../domain/flags/flag.ts';
import type { RouteTable } from '../../../domain/traffic/routing/route-table.ts';
import { AskingRevisions } from './asking-revisions.ts';
import { OfrepServer } from './ofrep-server.ts';

const fresh: Flag = {
  key: 'new',
  state: 'ENABLED',
  variants: { on: true, off: false },
  defaultVariant: 'off',
  targeting: [
    { when: [{ attribute: 'country', values: ['de'] }], serve: { kind: 'variant', variant: 'on' } },
  ],
};
const split: Flag = {
  key: 'color',
  state: 'ENABLED',
  variants: { red: { hex: '#f00' }, blue: { hex: '#00f' } },
  defaultVariant: 'red',
  targeting: [
    {
      when: [],
      serve: {
        kind: 'split',
        shares: [
          { variant: 'red', percent: 50 },
          { variant: 'blue', percent: 50 },
        ],
      },
    },
  ],
};
const gone: Flag = { ...fresh, key: 'gone', state: 'DISABLED' };

function askedBy(token: string, more: Partial<AskedFlags> = {}): AskedFlags {
  const flags = [split, gone, fresh];
  return {
    service: 'svc',
    revisionId: 'r1',
    tokenSha256: sha256Hex(token),
    flags,
    turns: [],
    ...more,
  };
}

const turn = { flag: 'new', variant: 'on', rolloutId: 'svc-2', stepNumber: 2 };
const tableOf = (...flags: readonly AskedFlags[]): RouteTable => ({
  version: 1,
  routes: [],
  flags,
});

interface Served extends AsyncDisposable {
  readonly url: string;
  table: RouteTable | null;
}

async function serve(table: RouteTable | null): Promise<Served> {
  const served = { table, url: '', [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  const server = new OfrepServer(() => served.table);
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  served.url = `http://127.0.0.1:${port}`;
  return served;
}

const root = '/ofrep/v1/evaluate/flags';

interface Asking extends Omit<RequestInit, 'body'> {
  readonly body?: unknown;
  readonly token?: string | null;
}

async function ask({ url }: Served, path: string, { body, token = 'one', ...more }: Asking = {}) {
  const headers = new Headers(more.headers);
  if (token !== null) headers.set('authorization', `Bearer ${token}`);
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    ...more,
    headers,
    body: text ?? null,
  });
  const found = await answer.text();
  const parsed: unknown = found === '' ? null : JSON.parse(found);
  return { status: answer.status, body: parsed, headers: answer.headers };
}

test('a revision is told its own flags, and which step has turned one', async () => {
  await using served = await serve(
    tableOf(askedBy('one'), askedBy('two', { revisionId: 'r2', turns: [turn] })),
  );
  const one = await ask(served, `${root}/new`, { body: { context: { targetingKey: 'u' } } });
  assert.equal(one.status, 200);
  assert.match(one.headers.get('content-type') ?? '', /^application\/json/);
  assert.deepEqual(one.body, {
    key: 'new',
    value: false,
    variant: 'off',
    reason: 'DEFAULT',
    metadata: { revision: 'r1' },
  });
  const two = await ask(served, `${root}/new`, { token: 'two', body: {} });
  assert.deepEqual(two.body, {
    key: 'new',
    value: true,
    variant: 'on',
    reason: 'DEFAULT',
    metadata: { revision: 'r2', turnedBy: 'svc-2 step 2' },
  });
  const german = await ask(served, `${root}/new`, { body: { context: { country: 'de' } } });
  assert.match(JSON.stringify(german.body), /"value":true,.*TARGETING_MATCH/);
  const key = await ask(served, `${root}/new`, { token: null, headers: { 'x-api-key': 'one' } });
  assert.equal(key.status, 200);
  // From the next table on it is another answer, and who left it is nobody.
  served.table = tableOf(askedBy('one', { turns: [turn] }));
  assert.match(JSON.stringify((await ask(served, `${root}/new`)).body), /"value":true/);
  assert.equal((await ask(served, `${root}/new`, { token: 'two' })).status, 401);
});

test('what cannot be answered has the status and the code of the protocol', async () => {
  await using served = await serve(tableOf(askedBy('one')));
  const rows: readonly (readonly [string, unknown, number, string | null])[] = [
    [`${root}/none`, {}, 404, 'FLAG_NOT_FOUND'],
    [`${root}/gone`, {}, 404, 'FLAG_NOT_FOUND'],
    [`${root}/a%2Fb`, {}, 404, 'FLAG_NOT_FOUND'],
    [`${root}/%zz`, {}, 404, 'FLAG_NOT_FOUND'],
    [`${root}/constructor`, {}, 404, 'FLAG_NOT_FOUND'],
    [`${root}/color`, {}, 400, 'TARGETING_KEY_MISSING'],
    [`${root}/new`, '{', 400, 'PARSE_ERROR'],
    [`${root}/new`, '[]', 400, 'PARSE_ERROR'],
    [`${root}/new`, { context: [] }, 400, 'INVALID_CONTEXT'],
    [`${root}/new`, { context: { targetingKey: 1 } }, 400, 'INVALID_CONTEXT'],
    [root, { context: 'x' }, 400, 'INVALID_CONTEXT'],
    ['/other', {}, 404, null],
    [`${root}s`, {}, 404, null],
  ];
  for (const [path, body, status, code] of rows) {
    const answer = await ask(served, path, { body });
    const found = answer.body as { errorCode?: string; key?: string };
    assert.deepEqual([answer.status, found.errorCode ?? null], [status, code], path);
    const isSingle = code !== null && path !== root;
    assert.equal(found.key !== undefined, isSingle, `${path}: ${JSON.stringify(found)}`);
  }
  const get = await ask(served, root, { method: 'GET' });
  assert.deepEqual([get.status, get.headers.get('allow')], [405, 'POST']);
});

test('who brings no token of a revision is told nothing, whatever is asked for', async () => {
  await using served = await serve(tableOf(askedBy('one')));
  for (const token of [null, '', 'two', sha256Hex('one'), 'x'.repeat(5000)]) {
    for (const path of [root, `${root}/new`, `${root}/none`, '/']) {
      const { status, body } = await ask(served, path, { token, body: {} });
      assert.equal(status, 401);
      assert.doesNotMatch(JSON.stringify(body), /new|r1|svc/);
    }
  }
  served.table = null;
  assert.equal((await ask(served, root)).status, 401);
});

test('all flags have a tag, by which nothing is sent again while nothing has changed', async () => {
  await using served = await serve(tableOf(askedBy('one')));
  const context = { targetingKey: 'u1' };
  const first = await ask(served, root, { body: { context } });
  const { flags } = first.body as { flags: readonly { key: string }[] };
  // A disabled one is not there.
  assert.deepEqual(
    flags.map(({ key }) => key),
    ['color', 'new'],
  );
  const etag = first.headers.get('etag') ?? assert.fail('no tag');
  const again = (tag: string, of: object = context) =>
    ask(served, root, { body: { context: of }, headers: { 'if-none-match': tag } });
  for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const { status, body, headers } = await again(tag);
    assert.deepEqual([status, body, headers.get('etag')], [304, null, etag], tag);
  }
  assert.equal((await again('"other"')).status, 200);
  assert.equal((await again(etag, { ...context, country: 'de' })).status, 200);
  served.table = tableOf(askedBy('one', { turns: [turn] }));
  assert.equal((await again(etag)).status, 200);
  const keyless = await ask(served, root, { body: {} });
  assert.match(JSON.stringify(keyless.body), /"key":"color","errorCode":"TARGETING_KEY_MISSING"/);
});

test('a body has a bound, on both sides of it', async () => {
  await using served = await serve(tableOf(askedBy('one')));
  const body = (sizeBytes: number) => {
    const frame = JSON.stringify({ context: { filler: '' } }).length;
    return JSON.stringify({ context: { filler: 'x'.repeat(sizeBytes - frame) } });
  };
  assert.equal((await ask(served, `${root}/new`, { body: body(65_536) })).status, 200);
  const large = await ask(served, `${root}/new`, { body: body(65_537) });
  assert.deepEqual(
    [large.status, (large.body as { errorCode: string }).errorCode],
    [400, 'PARSE_ERROR'],
  );
});

test('who goes away in the middle of a body leaves the others alone', async () => {
  await using served = await serve(tableOf(askedBy('one')));
  const socket = connect(Number(new URL(served.url).port), '127.0.0.1');
  socket.on('error', () => {});
  const head = `POST ${root} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer one\r\ncontent-length: 90\r\n\r\n{`;
  await new Promise<void>((resolve) => socket.write(head, () => resolve()));
  socket.destroy();
  assert.equal((await ask(served, root)).status, 200);
});

test('a revision may ask so often and no oftener, and another one is not held up by it', () => {
  const askers = new AskingRevisions(() => tableOf(askedBy('one'), askedBy('two')));
  const known = (token: string, nowMs: number): boolean =>
    askers.ask(token, nowMs).kind === 'known';
  for (let count = 0; count < 2000; count += 1) assert.ok(known('one', 0), `${count}`);
  assert.deepEqual(askers.ask('one', 0), { kind: 'too-often', retryAfterSeconds: 1 });
  assert.ok(known('two', 0));
  assert.ok(!known('one', 0.9));
  assert.ok(known('one', 1.1));
  assert.ok(!known('one', 1.2));
  for (let count = 0; count < 1000; count += 1) assert.ok(known('one', 1001.2));
  assert.ok(!known('one', 1001.2));
  // A clock that goes back gives nothing.
  assert.ok(!known('one', 0));
});
