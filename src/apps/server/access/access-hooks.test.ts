import assert from 'node:assert/strict';
import { test } from 'node:test';
import fastify from 'fastify';

import { addAccessHooks } from './access-hooks.ts';
import type { AccessDesk } from './access-desk.ts';
import { known, ofServer, open } from './route-access.ts';
import { csrfTokenOf } from './session-cookie.ts';
import { Site } from './site.ts';

/** Routes are added before anything is asked, so of the desk only that it lets nobody in is needed. */
const desk = { identify: () => ({ kind: 'nobody' }), knocked: () => undefined };

async function bare(access: object = desk) {
  const http = fastify();
  const { signal } = new AbortController();
  const site = new Site({ listenHost: '127.0.0.1', publicUrl: null });
  const log = (): undefined => undefined;
  await addAccessHooks(http, { access: access as AccessDesk, site, log, signal });
  return http;
}

test('a route that does not say which action it is keeps the server from starting', async () => {
  const http = await bare();
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
  const http = await bare();
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

const secret = 'a-secret-of-a-session';
const person = { kind: 'person', person: 'ann', grants: [] };

/** One person is signed in, and one has a token; both may everything. */
const signedIn = {
  identify: (header: string) =>
    header === 'Bearer good' ? { ...person, by: { kind: 'token' } } : { kind: 'nobody' },
  identifySession: (given: string) => {
    if (given !== secret) return { kind: 'nobody' };
    return { ...person, by: { kind: 'session', csrfToken: csrfTokenOf(secret) } };
  },
  check: async () => ({ isAllowed: true }),
  sight: async () => () => true,
};

const own = { origin: 'http://localhost:80', 'sec-fetch-site': 'same-origin' };
const csrf = { 'x-csrf-token': csrfTokenOf(secret) };
const cookie = `tidegate-0=${secret}`;

const writes: readonly (readonly [what: string, headers: object, status: number])[] = [
  ['a page of ours that says the token', { cookie, ...own, ...csrf }, 200],
  [
    'a page of ours where the browser says Origin alone',
    { cookie, origin: own.origin, ...csrf },
    200,
  ],
  ['a page of ours that does not say the token', { cookie, ...own }, 403],
  ['a wrong token', { cookie, ...own, 'x-csrf-token': csrfTokenOf('another') }, 403],
  ['the cookie itself as the token', { cookie, ...own, 'x-csrf-token': secret }, 403],
  ['another origin', { cookie, ...own, ...csrf, origin: 'http://localhost:81' }, 403],
  ['another scheme', { cookie, ...own, ...csrf, origin: 'https://localhost:80' }, 403],
  ['an opaque origin', { cookie, ...own, ...csrf, origin: 'null' }, 403],
  ['a page of the same site, not of ours', { cookie, ...csrf, 'sec-fetch-site': 'same-site' }, 403],
  ['a page of another site', { cookie, ...csrf, 'sec-fetch-site': 'cross-site' }, 403],
  ['nobody who says where from', { cookie, ...csrf }, 403],
  ['a cookie that is over', { cookie: 'tidegate-0=old', ...own, ...csrf }, 401],
  [
    'a cookie for TLS, without TLS',
    { cookie: `__Host-tidegate-0=${secret}`, ...own, ...csrf },
    401,
  ],
  [
    'a program with a token, which no browser sends by itself',
    { authorization: 'Bearer good' },
    200,
  ],
  [
    'a bad token beside a good cookie',
    { cookie, ...own, ...csrf, authorization: 'Bearer bad' },
    401,
  ],
];

for (const [what, headers, status] of writes) {
  test(`a write from ${what} is answered ${status}, and is done only at 200`, async () => {
    const told: string[] = [];
    let isDone = false;
    const access = {
      ...signedIn,
      knocked: () => told.push('a stranger'),
      refused: ({ person: who }: { person: string }) => told.push(who),
    };
    const http = await bare(access);
    http.post('/v1/fine', { config: ofServer('server:stop', 'own') }, async () => {
      isDone = true;
      return {};
    });
    const host = { host: 'localhost:80' };
    const answer = await http.inject({
      method: 'POST',
      url: '/v1/fine',
      payload: {},
      headers: { ...host, ...headers },
    });
    assert.equal(answer.statusCode, status, answer.body);
    assert.equal(isDone, status === 200);
    // Each refusal is told, with the person if the cookie says who it is.
    assert.deepEqual(told, status === 200 ? [] : [status === 403 ? 'ann' : 'a stranger']);
    await http.close();
  });
}

test('a cookie opens reads without more, and one that is over is taken back', async () => {
  const http = await bare({ ...signedIn, knocked: () => undefined });
  http.get('/v1/fine', { config: ofServer('server:read') }, async () => ({}));
  http.get('/v1/session', { config: known }, async () => ({}));
  for (const url of ['/v1/fine', '/v1/session']) {
    assert.equal((await http.inject({ url, headers: { cookie } })).statusCode, 200, url);
    const over = await http.inject({ url, headers: { cookie: 'tidegate-0=old' } });
    assert.equal(over.statusCode, 401);
    assert.match(over.body, /the session is over; sign in again/);
    assert.match(String(over.headers['set-cookie']), /^tidegate-0=; Max-Age=0; Path=\/;/);
  }
  await http.close();
});
