/** Signing in at an OpenID provider: a real one, a real server, and what can go wrong between them. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';

import { roles } from '../../src/domain/identity/role.ts';
import { Browser } from './browser.fixture.ts';
import { client, type OpenidFixture, signInAt, startProvider } from './oidc-provider.fixture.ts';
import { makeWorld, type World } from './world.fixture.ts';

const auditSchema = z.array(z.object({ person: z.string(), sentence: z.string() }));

const accounts = {
  ...Object.fromEntries(roles.map((role) => [role, person(role, [`all-${role}`])])),
  ann: person('ann', ['shop-developers', 'pay-operators', 'choir']),
  out: person('out', ['choir']),
  loud: person('Loud Name', ['all-viewer']),
  nameless: { groups: ['all-viewer'] },
};

function person(name: string, groups: readonly string[]) {
  return { preferred_username: name, groups };
}

function settingsOf(issuer: string): string {
  const every = roles.map((role) => `  - { group: all-${role}, role: ${role} }\n`).join('');
  return `issuer: ${issuer}
clientId: ${client.id}
clientSecretFile: client-secret
scopes: [openid, profile, groups]
roles:
  - { group: shop-developers, role: developer, services: [default/shop-*] }
  - { group: pay-operators, role: operator, services: [default/pay] }
${every}`;
}

describe('people who sign in at an OpenID provider', () => {
  let world: World;
  let openid: OpenidFixture;
  let settingsPath = '';

  before(async () => {
    world = await makeWorld();
    try {
      openid = await startProvider(accounts, `${world.apiUrl}/v1/session/oidc/callback`);
      settingsPath = join(world.folder, 'oidc.yaml');
      await writeFile(settingsPath, settingsOf(openid.issuer));
      await writeFile(join(world.folder, 'client-secret'), `${client.secret}\n`, { mode: 0o600 });
      await world.must(...world.upArguments, '--oidc', settingsPath);
    } catch (error) {
      await world.discard();
      throw error;
    }
  });

  after(async () => {
    await world[Symbol.asyncDispose]();
    await openid[Symbol.asyncDispose]();
  });

  /** The address at the provider. */
  async function begin(browser: Browser, query = ''): Promise<URL> {
    const answer = await browser.ask('GET', `/v1/session/oidc${query}`);
    assert.equal(answer.status, 303, await answer.text());
    return new URL(answer.headers.get('location') ?? '');
  }

  /** The address here that the provider sends the browser back to. */
  async function comeBack(browser: Browser, account: string, query = ''): Promise<string> {
    const back = await signInAt((await begin(browser, query)).href, account);
    return back.pathname + back.search;
  }

  async function refused(browser: Browser, path: string): Promise<string> {
    const answer = await browser.ask('GET', path);
    assert.ok([401, 403].includes(answer.status), `${answer.status}`);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.ok(!answer.headers.getSetCookie().some((line) => /^tidegate-\d+=[^;]/.test(line)));
    assert.equal((await browser.ask('GET', '/v1/status')).status, 401);
    const { detail } = z.object({ detail: z.string() }).parse(await answer.json());
    return detail;
  }

  test('the right sign-in gives the roles of the groups, each for its services, and goes on where one was', async () => {
    const browser = new Browser(world.apiUrl);
    const url = await begin(browser, '?returnTo=/rollouts%3Fname%3Dpay');
    const asked = url.searchParams;
    assert.equal(asked.get('code_challenge_method'), 'S256');
    assert.ok((asked.get('state') ?? '').length >= 43 && (asked.get('nonce') ?? '').length >= 43);
    const back = await signInAt(url.href, 'ann');
    const answer = await browser.ask('GET', back.pathname + back.search);
    assert.equal(answer.status, 303, await answer.text());
    assert.equal(answer.headers.get('location'), '/rollouts?name=pay');
    const view = await browser.session('?services=shop-a,pay,other');
    assert.equal(view.name, 'ann');
    assert.deepEqual(view.grants, [
      { role: 'developer', services: ['default/shop-*'] },
      { role: 'operator', services: ['default/pay'] },
    ]);
    const { services } = view.allowed;
    assert.ok(services['shop-a']?.includes('rollouts:pause'));
    assert.ok(!services['shop-a']?.includes('rollouts:promote'));
    assert.ok(services['pay']?.includes('rollouts:promote'));
    assert.deepEqual(services['other'], []);
    const out = await browser.ask('DELETE', '/v1/session');
    assert.equal(out.status, 200, await out.text());
    const sentences = await audit('ann');
    const said = `ann signs in with OpenID Connect at ${openid.issuer} as developer of default/shop-*; operator of default/pay`;
    assert.ok(sentences.includes(said), sentences.join('\n'));
  });

  test('each role may by sign-in at the provider what it may by a token', async () => {
    const stop = { all: false, who: 'somebody else', why: 'a test' };
    for (const role of roles) {
      const browser = new Browser(world.apiUrl);
      const path = await comeBack(browser, role);
      assert.equal((await browser.ask('GET', path)).status, 303);
      const { allowed, roles: had } = await browser.session();
      assert.deepEqual(had, [role]);
      const mayTokens = role === 'admin' || role === 'auditor';
      assert.equal(allowed.server.includes('tokens:read'), mayTokens, role);
      const tokens = await browser.ask('GET', '/v1/tokens');
      assert.equal(tokens.status, mayTokens ? 200 : 403, role);
      if (role === 'admin') continue;
      assert.equal((await browser.ask('POST', '/v1/stop', stop)).status, 403, role);
    }
  });

  const wrong: readonly (readonly [
    what: string,
    account: string,
    bend: (back: URL, browser: Browser) => Promise<string> | string,
    says: RegExp,
  ])[] = [
    [
      'another state',
      'ann',
      (back) => bent(back, { state: 'A'.repeat(43) }),
      /is not known, or was finished before/,
    ],
    [
      'the state of another sign-in of the same browser',
      'ann',
      async (back, browser) => {
        const other = await begin(browser);
        return bent(back, { state: other.searchParams.get('state') ?? '' });
      },
      /does not confirm the sign-in/,
    ],
    [
      'another issuer in the answer',
      'ann',
      (back) => bent(back, { iss: 'http://127.0.0.1:1' }),
      /does not confirm the sign-in/,
    ],
    [
      'a code that is none',
      'ann',
      (back) => bent(back, { code: 'A'.repeat(43) }),
      /does not confirm the sign-in/,
    ],
    [
      'a code that is over at the provider',
      'ann',
      async (back) => {
        const code = await openid.provider.AuthorizationCode.find(
          back.searchParams.get('code') ?? '',
        );
        assert.ok(code !== undefined);
        await code.destroy();
        return bent(back, {});
      },
      /does not confirm the sign-in/,
    ],
    [
      'the answer for another browser',
      'ann',
      (back, browser) => {
        browser.forget();
        return bent(back, {});
      },
      /begun in another browser/,
    ],
    ['no group that has a role', 'out', (back) => bent(back, {}), /out is in no group that/],
    ['a name that is none', 'loud', (back) => bent(back, {}), /no name of a person.*nameClaim/],
    ['no name', 'nameless', (back) => bent(back, {}), /does not say "preferred_username"/],
  ];

  function bent(back: URL, change: Readonly<Record<string, string>>): string {
    for (const [name, value] of Object.entries(change)) back.searchParams.set(name, value);
    return back.pathname + back.search;
  }

  for (const [what, account, bend, says] of wrong) {
    test(`with ${what} nobody is signed in, and it says why`, async () => {
      const browser = new Browser(world.apiUrl);
      const back = await signInAt((await begin(browser)).href, account);
      assert.match(await refused(browser, await bend(back, browser)), says);
    });
  }

  test('with another nonce in the ID token nobody is signed in', async () => {
    const browser = new Browser(world.apiUrl);
    const url = await begin(browser);
    url.searchParams.set('nonce', 'B'.repeat(43));
    const back = await signInAt(url.href, 'ann');
    const said = await refused(browser, back.pathname + back.search);
    assert.match(said, /does not confirm the sign-in: .*nonce/);
  });

  test('an answer opens one session: replayed, it opens none', async () => {
    const browser = new Browser(world.apiUrl);
    const path = await comeBack(browser, 'viewer');
    assert.equal((await browser.ask('GET', path)).status, 303);
    const thief = new Browser(world.apiUrl);
    assert.match(await refused(thief, path), /was finished before/);
    assert.equal((await browser.session()).name, 'viewer');
  });

  test('who says no at the provider gets a page that says so, without script or style', async () => {
    const browser = new Browser(world.apiUrl);
    const state = (await begin(browser)).searchParams.get('state') ?? '';
    const query = new URLSearchParams({
      error: 'access_denied',
      error_description: '<b>no</b>',
      state,
      iss: openid.issuer,
    });
    const accept = { accept: 'text/html,*/*' };
    const path = `/v1/session/oidc/callback?${query.toString()}`;
    const answer = await browser.ask('GET', path, undefined, accept);
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/html/);
    const page = await answer.text();
    assert.match(page, /You are not signed in[^]*href="\/login"/);
    assert.doesNotMatch(page, /<b>|<script|<style|style=/);
  });

  test('one returns to a path of this server and nowhere else', async () => {
    const browser = new Browser(world.apiUrl);
    const elsewhere = [
      '//evil.example',
      '/\\evil.example',
      'https://evil.example',
      '/\t/evil.example',
    ];
    for (const place of elsewhere) {
      const answer = await browser.ask(
        'GET',
        `/v1/session/oidc?returnTo=${encodeURIComponent(place)}`,
      );
      assert.equal(answer.status, 400, place);
      await answer.body?.cancel();
    }
  });

  test('a provider that is away is said to be, and settings that are wrong end the start with the place', async () => {
    await world.must('down', '--timeout', '170s');
    const wrongPath = join(world.folder, 'wrong.yaml');
    await writeFile(wrongPath, settingsOf(openid.issuer).replace('role: operator', 'role: root'));
    const ran = await world.run([...world.upArguments, '--oidc', wrongPath]);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /wrong\.yaml:7:\d+: roles\.1[^ ]*: 'root' is no role/);
    // The port is held on another address, so nobody else gets it.
    const away = openid.issuer.replace('127.0.0.1', '127.0.0.2');
    await writeFile(settingsPath, settingsOf(away));
    await world.up();
    const answer = await new Browser(world.apiUrl).ask('GET', '/v1/session/oidc');
    assert.equal(answer.status, 503);
    assert.match(
      await answer.text(),
      /127\.0\.0\.2:\d+ does not answer as an OpenID provider.*login-link/,
    );
    const ways = await new Browser(world.apiUrl).ask('GET', '/v1/session/ways');
    assert.deepEqual(await ways.json(), { oidc: { issuer: away, path: '/v1/session/oidc' } });
    const logs = (await world.logs()).join('\n');
    assert.ok(!logs.includes(client.secret));
  });

  async function audit(name: string): Promise<readonly string[]> {
    const { stdout } = await world.must('audit', '-o', 'json');
    const rows = auditSchema.parse(JSON.parse(stdout));
    return rows.filter((row) => row.person === name).map(({ sentence }) => sentence);
  }
});
