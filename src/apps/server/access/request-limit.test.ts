import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';

import { HttpProblem } from '../http/http-problem.ts';
import type { AccessDesk } from './access-desk.ts';
import { addAccessHooks } from './access-hooks.ts';
import { addRequestLimit } from './request-limit.ts';
import { ofServer, open } from './route-access.ts';
import { Site } from './site.ts';

/** Lets in whoever says a name, and `owner` as the owner. */
const desk = {
  identify: (header: string | undefined) => {
    const name = header?.replace('Bearer ', '') ?? '';
    if (name === '') return { kind: 'nobody' };
    return name === 'owner'
      ? { kind: 'owner' }
      : { kind: 'person', person: name, by: { kind: 'token' } };
  },
  check: async () => ({ isAllowed: true }),
  sight: async () => () => true,
  knocked: () => undefined,
};

test('a person is bounded by the minute and told when to come again; others and the owner are not touched', async () => {
  const http = fastify();
  const { signal } = new AbortController();
  const site = new Site({ listenHost: '127.0.0.1', publicUrl: null });
  const access = desk as unknown as AccessDesk;
  await addAccessHooks(http, { access, site, log: () => undefined, signal });
  await addRequestLimit(http, 3);
  http.get('/v1/x', { config: ofServer('server:read') }, async () => ({}));
  http.get('/livez', { config: open }, async () => ({}));
  http.setErrorHandler((error, _request, reply) => {
    assert.ok(error instanceof HttpProblem);
    return reply.status(error.statusCode).send(error.details);
  });
  const ask = (name: string, url = '/v1/x') =>
    http.inject({ url, headers: { authorization: `Bearer ${name}` } });
  const statuses = async (name: string, url?: string): Promise<number[]> => {
    const all: number[] = [];
    for (let count = 0; count < 5; count++) all.push((await ask(name, url)).statusCode);
    return all;
  };
  assert.deepEqual(await statuses('ann'), [200, 200, 200, 429, 429]);
  assert.deepEqual(await statuses('ben'), [200, 200, 200, 429, 429]);
  assert.deepEqual(await statuses('owner'), [200, 200, 200, 200, 200]);
  assert.deepEqual(await statuses('ann', '/livez'), [200, 200, 200, 200, 200]);
  const { headers, body } = await ask('ann');
  const seconds = Number(headers['retry-after']);
  assert.ok(seconds >= 1 && seconds <= 60, String(headers['retry-after']));
  assert.match(body, /ann has asked 3 times in a minute; try again in \d+ s/);
  assert.equal(headers['x-ratelimit-limit'], undefined);
  await http.close();
});
