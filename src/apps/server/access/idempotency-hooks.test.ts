import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fastify from 'fastify';

import { HttpProblem } from '../http/http-problem.ts';
import type { AccessDesk } from './access-desk.ts';
import { addAccessHooks } from './access-hooks.ts';
import { addIdempotencyHooks } from './idempotency-hooks.ts';
import { IdempotencyStore } from './idempotency-store.ts';
import { ofServer } from './route-access.ts';
import { Site } from './site.ts';

/** Lets in whoever says a name. */
const desk = {
  identify: (header: string | undefined) => {
    return { kind: 'person', person: header ?? '', by: { kind: 'token' } };
  },
  check: async () => ({ isAllowed: true }),
};

async function withHttp(
  work: (body: unknown) => Promise<object>,
  use: (ask: (key: string | null, body: object, person?: string) => Asked) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidegate-writes-'));
  const writes = await IdempotencyStore.open(join(folder, 'writes.jsonl'), 0);
  const http = fastify();
  const { signal } = new AbortController();
  const site = new Site({ listenHost: '127.0.0.1', publicUrl: null });
  const parts = { access: desk as unknown as AccessDesk, site, log: () => undefined, signal };
  await addAccessHooks(http, parts);
  addIdempotencyHooks(http, { writes, clock: { nowMs: () => 1 }, ...parts });
  http.post('/v1/x', { config: ofServer('people:write', 'own') }, ({ body }) => work(body));
  http.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof HttpProblem)) return reply.status(500).send({ detail: 'broken' });
    return reply.status(error.statusCode).send(error.details);
  });
  try {
    await use(async (key, payload, person = 'ann') => {
      const headers = { authorization: person, ...(key !== null && { 'idempotency-key': key }) };
      const answer = await http.inject({ method: 'POST', url: '/v1/x', headers, payload });
      const isReplayed = answer.headers['idempotency-replayed'] === 'true';
      return { status: answer.statusCode, text: answer.body, isReplayed };
    });
  } finally {
    await http.close();
    await writes[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  }
}

type Asked = Promise<{
  readonly status: number;
  readonly text: string;
  readonly isReplayed: boolean;
}>;

test('the same key and body of a person is done once and answered alike; another person is another', async () => {
  let count = 0;
  await withHttp(
    async () => ({ count: (count += 1) }),
    async (ask) => {
      const first = await ask('"k-1"', { a: 1 });
      assert.deepEqual(first, { status: 200, text: '{"count":1}', isReplayed: false });
      assert.deepEqual(await ask('"k-1"', { a: 1 }), { ...first, isReplayed: true });
      assert.deepEqual(await ask('k-1', { a: 1 }), { ...first, isReplayed: true }, 'bare');
      assert.equal((await ask('"k-1"', { a: 2 })).status, 422);
      assert.equal((await ask('"k-1"', { a: 1 }, 'ben')).text, '{"count":2}');
      assert.equal((await ask(null, { a: 1 })).text, '{"count":3}');
      assert.equal((await ask(null, { a: 1 })).text, '{"count":4}');
      assert.equal((await ask('x'.repeat(201), {})).status, 400);
      assert.equal((await ask('ü', {})).status, 400);
    },
  );
});

test('a refusal is the answer, too; what is under way or broke is told and not done again', async () => {
  let count = 0;
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const work = async (body: unknown): Promise<object> => {
    count += 1;
    const { how } = body as { readonly how: string };
    if (how === 'refuse') throw new HttpProblem(409, 'it is over');
    if (how === 'break') throw new Error('oh no');
    begun.resolve();
    await gate.promise;
    return {};
  };
  await withHttp(work, async (ask) => {
    assert.equal((await ask('r', { how: 'refuse' })).status, 409);
    assert.match((await ask('r', { how: 'refuse' })).text, /it is over/);
    assert.equal(count, 1);
    assert.equal((await ask('b', { how: 'break' })).status, 500);
    const again = await ask('b', { how: 'break' });
    assert.equal(again.status, 409);
    assert.match(again.text, /not known/);
    assert.equal(count, 2);
    const slow = ask('w', { how: 'wait' });
    await begun.promise;
    const meanwhile = await ask('w', { how: 'wait' });
    assert.equal(meanwhile.status, 409);
    assert.match(meanwhile.text, /under way/);
    gate.resolve();
    assert.equal((await slow).status, 200);
    assert.deepEqual((await ask('w', { how: 'wait' })).isReplayed, true);
    assert.equal(count, 3);
  });
});
