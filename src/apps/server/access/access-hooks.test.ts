import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';

import { addAccessHooks } from './access-hooks.ts';
import type { AccessDesk } from './access-desk.ts';
import { ofServer, open } from './route-access.ts';

/** Routes are added before anything is asked, so of the desk only that it lets nobody in is needed. */
const desk = { identify: () => ({ kind: 'nobody' }), knocked: () => undefined };

function bare() {
  const http = fastify();
  const { signal } = new AbortController();
  addAccessHooks(http, { access: desk as unknown as AccessDesk, log: () => undefined, signal });
  return http;
}

test('a route that does not say which action it is keeps the server from starting', async () => {
  const http = bare();
  await http.register(async (scope) => {
    scope.get('/v1/fine', { config: ofServer('server:read') }, async () => ({}));
  });
  const planted = async () => {
    await http.register(async (scope) => {
      scope.get('/v1/forgotten', async () => ({}));
    });
    await http.ready();
  };
  await assert.rejects(planted, /GET \/v1\/forgotten does not say which action it is/);
});

test('who has no token gets 401 from every path, known or not, but for those that are open', async () => {
  const http = bare();
  http.get('/v1/fine', { config: ofServer('server:read') }, async () => ({ fine: true }));
  http.get('/livez', { config: open }, async () => ({ fine: true }));
  for (const [url, status] of [
    ['/v1/fine', 401],
    ['/v1/nothing', 401],
    ['/livez', 200],
  ] as const) {
    const answer = await http.inject({ url });
    assert.equal(answer.statusCode, status, answer.body);
  }
  const { headers } = await http.inject({ url: '/v1/fine' });
  assert.equal(headers['www-authenticate'], 'Bearer realm="tidegate"');
  await http.close();
});
