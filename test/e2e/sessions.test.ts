/** People who sign in: by a link or a token, by cookie over restarts, until they sign out. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';

import { sessionListSchema } from '../../src/api/session-wire.ts';
import { tokenCreatedSchema } from '../../src/api/tokens-wire.ts';
import { Browser } from './browser.fixture.ts';
import { commandLine, makeWorld, type World } from './world.fixture.ts';

const auditSchema = z.array(z.object({ person: z.string(), sentence: z.string() }));

describe('people who sign in', () => {
  let world: World;
  let firstStart = '';
  /** Everything that must stand nowhere. */
  const secrets: string[] = [];

  before(async () => {
    world = await makeWorld();
    try {
      firstStart = (await world.must(...world.upArguments)).stdout;
    } catch (error) {
      await world.discard();
      throw error;
    }
  });

  after(() => world[Symbol.asyncDispose]());

  async function linkCode(...wish: readonly string[]): Promise<string> {
    const { stdout } = await world.must('login-link', ...wish);
    return codeOf(stdout.trim());
  }

  function codeOf(link: string): string {
    const [before = '', code = ''] = link.split('/login#');
    assert.equal(before, world.apiUrl);
    assert.match(code, /^[\w-]{43}$/);
    secrets.push(code);
    return code;
  }

  async function signedIn(...wish: readonly string[]): Promise<Browser> {
    const browser = new Browser(world.apiUrl);
    await browser.signIn({ code: await linkCode(...wish) });
    secrets.push(...browser.secrets);
    return browser;
  }

  async function createToken(person: string, role: string): Promise<string> {
    const wish = ['--role', role, '--reason', 'a test', '-o', 'json'];
    const { stdout } = await world.must('token', 'create', person, ...wish);
    const { secret } = tokenCreatedSchema.parse(JSON.parse(stdout));
    secrets.push(secret);
    return secret;
  }

  test('the first start prints a link that opens one session of an admin, once', async () => {
    const link = /^login: (\S+)$/m.exec(firstStart)?.[1] ?? assert.fail(firstStart);
    const code = codeOf(link);
    const browser = new Browser(world.apiUrl);
    const view = await browser.signIn({ code });
    assert.deepEqual([view.roles, view.by], [['admin'], 'session']);
    assert.ok(view.allowed.server.includes('tokens:write'), view.allowed.server.join());
    const again = await new Browser(world.apiUrl).ask('POST', '/v1/session', { code });
    assert.equal(again.status, 401);
    assert.match(await again.text(), /was used, or is over; make another: tidegate login-link/);
    assert.deepEqual(again.headers.getSetCookie(), []);
  });

  test('the cookie is for this server alone, out of reach of scripts, and bounded', async () => {
    const answer = await new Browser(world.apiUrl).ask('POST', '/v1/session', {
      code: await linkCode('ann', '--role', 'viewer'),
    });
    const [cookie = '', ...others] = answer.headers.getSetCookie();
    assert.deepEqual(others, []);
    const port = world.ports.api;
    const wanted = `^tidegate-${port}=[\\w-]{43}; Max-Age=43200; Path=/; HttpOnly; SameSite=Strict$`;
    assert.match(cookie, new RegExp(wanted));
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    secrets.push(/=([\w-]{43});/.exec(cookie)?.[1] ?? '');
    await answer.body?.cancel();
  });

  test('who is signed in is told what the policies let them do, in all and of named services', async () => {
    const browser = await signedIn('dev', '--role', 'developer', '--service', 'default/shop*');
    const view = await browser.session('?services=shop-a,pay');
    assert.equal(view.name, 'dev');
    assert.deepEqual(view.grants, [{ role: 'developer', services: ['default/shop*'] }]);
    assert.deepEqual(view.allowed.server, ['server:read']);
    assert.ok(view.allowed.anyService.includes('rollouts:pause'));
    assert.ok(!view.allowed.anyService.includes('rollouts:promote'));
    assert.deepEqual(view.allowed.services, {
      'shop-a': view.allowed.anyService,
      pay: [],
    });
    const many = Array.from({ length: 21 }, (_, index) => `s${index}`).join();
    for (const services of [many, '__proto__', 'Pay']) {
      const refused = await browser.ask('GET', `/v1/session?services=${services}`);
      assert.equal(refused.status, 400, services);
      await refused.body?.cancel();
    }
  });

  test('a write by cookie needs the token and comes from a page of the server, and is by the person', async () => {
    const browser = await signedIn('op', '--role', 'operator');
    const write = (more: Readonly<Record<string, string>>): Promise<Response> =>
      browser.ask('POST', '/v1/ledger/checkpoint', undefined, more);
    for (const more of [
      { 'x-csrf-token': '' },
      { 'x-csrf-token': 'A'.repeat(43) },
      { origin: 'http://evil.example' },
      { origin: '' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      const refused = await write(more);
      assert.equal(refused.status, 403, JSON.stringify(more));
      await refused.body?.cancel();
    }
    assert.equal((await write({})).status, 200);
    const rows = await audit('op');
    assert.ok(
      rows.some((sentence) => /refused: a write by cookie/.test(sentence)),
      rows.join('\n'),
    );
  });

  test('a session outlives the server, and its end does too', async () => {
    const stays = await signedIn('stays', '--role', 'viewer');
    const leaves = await signedIn('leaves', '--role', 'viewer');
    const out = await leaves.ask('DELETE', '/v1/session');
    assert.equal(out.status, 200, await out.text());
    const cookie = leaves.cookieHeader;
    assert.equal(cookie, '', 'the browser gives its cookie away');
    await world.killServer();
    await world.up();
    assert.equal((await stays.session()).name, 'stays');
    const old = new Browser(world.apiUrl);
    const answer = await old.ask('GET', '/v1/session', undefined, {
      cookie: `tidegate-${world.ports.api}=${secrets.at(-1)}`,
    });
    assert.equal(answer.status, 401);
    assert.match(await answer.text(), /the session is over; sign in again/);
    const rows = [...(await audit('stays')), ...(await audit('leaves'))];
    for (const said of [/^stays signs in with a link/, /^leaves signs in/, /^leaves signs out/]) {
      assert.ok(
        rows.some((sentence) => said.test(sentence)),
        rows.join('\n'),
      );
    }
  });

  test('one sees and ends one’s own sessions, and an admin those of others', async () => {
    const [here, there] = [await signedIn('two', '--role', 'viewer'), await signedIn('two')];
    const listed = await here.ask('GET', '/v1/sessions');
    const { items } = sessionListSchema.parse(await listed.json());
    assert.deepEqual(
      items.map(({ isThis }) => isThis),
      [false, true],
    );
    const [other] = items;
    assert.ok(other !== undefined);
    const stranger = await signedIn('stranger', '--role', 'operator');
    const refused = await stranger.ask('DELETE', `/v1/sessions/${other.id}`);
    assert.equal(refused.status, 403, await refused.text());
    assert.equal((await there.session()).name, 'two');
    const ended = await here.ask('DELETE', `/v1/sessions/${other.id}`);
    assert.equal(ended.status, 200, await ended.text());
    assert.equal((await there.ask('GET', '/v1/status')).status, 401);
    const boss = await signedIn('boss', '--role', 'admin');
    const [own] = items.filter(({ isThis }) => isThis);
    const told = await boss.ask('DELETE', `/v1/sessions/${own?.id}`);
    assert.match(await told.text(), /boss signs two out of session/);
    assert.equal((await here.ask('GET', '/v1/status')).status, 401);
  });

  test('a token signs in, and when it is revoked its person is signed out, streams included', async () => {
    const secret = await createToken('temp', 'viewer');
    const browser = new Browser(world.apiUrl);
    const { expiresAt } = await browser.signIn({ token: secret });
    secrets.push(...browser.secrets);
    assert.ok(expiresAt !== null);
    const stream = await browser.ask('GET', '/v1/events?follow=true&from=1000000');
    const id = secret.split('_')[1] ?? '';
    await world.must('token', 'revoke', id, '--reason', 'gone');
    // The revocation is the next event: the stream ends instead of telling it.
    assert.doesNotMatch(await stream.text(), /data:/);
    assert.equal((await browser.ask('GET', '/v1/session')).status, 401);
  });

  test('signing in is refused to strangers, to other sites, and to who tries too often', async () => {
    const browser = new Browser(world.apiUrl);
    const tried = (more: Readonly<Record<string, string>> = {}): Promise<Response> =>
      browser.ask('POST', '/v1/session', { token: 'x'.repeat(43) }, more);
    assert.equal((await tried({ origin: 'http://evil.example' })).status, 403);
    assert.equal((await tried({ 'content-type': 'text/plain' })).status, 400);
    let last = await tried();
    for (let count = 0; count < 80 && last.status === 401; count++) last = await tried();
    assert.equal(last.status, 429);
    const seconds = Number(last.headers.get('retry-after'));
    assert.ok(seconds >= 1 && seconds <= 60, String(seconds));
    const rows = await audit('');
    assert.ok(
      rows.some((sentence) => sentence.startsWith('refused: sign-in: ')),
      rows.join('\n'),
    );
  });

  test('every answer has the headers that bound a page, and no name but ours is answered', async () => {
    for (const path of ['/v1/session', '/livez', '/v1/nothing', '/', '/openapi.json']) {
      const { headers, status } = await fetch(new URL(path, world.apiUrl));
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/, path);
      assert.match(policy, /frame-ancestors 'none'; base-uri 'none'; form-action 'self'$/);
      assert.doesNotMatch(policy, /unsafe|\*/);
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('referrer-policy'), 'no-referrer');
      assert.equal(headers.get('cross-origin-opener-policy'), 'same-origin');
      // The console's page has nothing of the installation in it, and is asked for anew each time.
      const kept = path === '/' ? 'no-cache' : 'no-store';
      assert.equal(headers.get('cache-control'), kept, `${path}: ${status}`);
      assert.equal(headers.get('access-control-allow-origin'), null);
    }
    const named = (host: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const options = { path: '/livez', headers: { host }, agent: false };
        request(world.apiUrl, options, (answer) => {
          answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
        })
          .on('error', reject)
          .end();
      });
    assert.equal(await named(`localhost:${world.ports.api}`), 200);
    assert.equal(await named(`rebound.example:${world.ports.api}`), 421);
  });

  test('no secret of a session or link is in the ledger, a log, a file or a process list', async () => {
    const stdout = await (await world.request('/v1/ledger/export')).text();
    const payloads = [...stdout.matchAll(/"payload":"([^"]+)"/g)].map(([, payload = '']) =>
      Buffer.from(payload, 'base64').toString('utf8'),
    );
    assert.ok(payloads.some((text) => text.includes('sign-in')));
    const audited = (await world.must('audit', '-o', 'json')).stdout;
    const texts = [stdout, ...payloads, audited, ...(await world.logs())];
    const processes = world.processes().map(commandLine);
    assert.ok(secrets.length > 10);
    for (const secret of secrets) {
      for (const text of [...texts, ...processes]) assert.ok(!text.includes(secret), secret);
    }
    await world.verifyLedger();
  });

  async function audit(person: string): Promise<readonly string[]> {
    const { stdout } = await world.must('audit', '-o', 'json');
    const rows = auditSchema.parse(JSON.parse(stdout));
    return rows.filter((row) => row.person === person).map(({ sentence }) => sentence);
  }
});
