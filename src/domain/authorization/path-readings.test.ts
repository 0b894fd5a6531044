import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { AskedPath, pathPattern } from './path-pattern.ts';
import { isPlainPath, pathReadings } from './path-readings.ts';

const allowed = ['/public/*', '/health'].map(pathPattern);
const denied = ['/admin/*', '/public/secret'].map(pathPattern);

function may(target: string): 'allowed' | 'denied' | 'not allowed' {
  const path = new AskedPath(target);
  if (path.isMaybeWithin(denied)) return 'denied';
  return path.isAllWithin(allowed) ? 'allowed' : 'not allowed';
}

/** What some server takes for /admin or /public/secret, and the like by which people have come past a proxy's rules. */
const bypasses = [
  '/admin',
  '/admin/',
  '/admin/users',
  '/admin?x=/public/',
  '/ADMIN',
  '/Admin/users',
  '//admin',
  '///admin//users',
  '/./admin',
  '/public/../admin',
  '/public/..//admin',
  '/public/./../admin',
  '/public/x/../../admin',
  '/../admin',
  '/%61dmin',
  '/%61%64%6d%69%6e',
  '/%41dmin',
  '/public/%2e%2e/admin',
  '/public/%2E%2E/admin',
  '/public/.%2e/admin',
  '/public/..%2fadmin',
  '/public/..%2Fadmin',
  '/public%2f..%2fadmin',
  '/public/%2e%2e%2fadmin',
  '/public/..%252fadmin',
  '/public/%252e%252e/admin',
  '/public/%25252e%25252e/admin',
  '/%2561dmin',
  '/public/..%5cadmin',
  '/public/..\\admin',
  '\\admin',
  '/\\admin',
  '/public/%5c../admin',
  '/public/..;/admin',
  '/public/..;a=b/admin',
  '/public/;/../admin',
  '/admin;jsessionid=1',
  '/admin;/users',
  '/public/..%3b/admin',
  '/admin%3bx',
  '/;x/admin',
  '/admin%3fx',
  '/admin%23x',
  '/public/%2e%2e;/%61dmin',
  '/public/secret/',
  '/public//secret',
  '/public/x/..;/secret',
  '/public/%73ecret',
  '/public/SECRET',
  '/public/secret;v=1',
  '/public/..%c0%afadmin',
  '/public/%c0%ae%c0%ae/admin',
  '/public/..%e0%80%afadmin',
  '/public/..%u002fadmin',
  '/public/..%ef%bc%8fadmin',
  '/%ef%bd%81dmin',
  '/public/%00/../admin',
  '/admin%00.png',
  '/public/..%0aadmin',
  '/public/%ff/x',
  '/public/%y%252e%252e%252fadmin/../../admin',
  `/public/${'../'.repeat(2000)}admin`,
  `/public/${'%2525'.repeat(500)}`,
  'admin',
  '*',
];

for (const path of bypasses) {
  test(`${JSON.stringify(path.slice(0, 60))} is not let in`, () => {
    assert.notEqual(may(path), 'allowed');
  });
}

const harmless: readonly (readonly [string, string])[] = [
  ['/health', 'allowed'],
  ['/health/', 'not allowed'],
  ['/Health', 'not allowed'],
  ['/public', 'allowed'],
  ['/public/', 'allowed'],
  ['/public/a/b', 'allowed'],
  ['/publicity', 'not allowed'],
  ['/public/a?next=/admin', 'allowed'],
  ['/public/my%20cat', 'allowed'],
  ['/public/caf%C3%A9', 'allowed'],
  ['/public/@scope%2fname', 'allowed'],
  ['/public/a;v=1/b', 'allowed'],
  ['/public//a', 'allowed'],
  ['/public/x/../y', 'allowed'],
  ['/public/.well-known/x', 'allowed'],
  ['/public/a..b', 'allowed'],
  ['/public/100%25', 'allowed'],
  ['/administrator', 'not allowed'],
];

for (const [path, want] of harmless) {
  test(`${path} is ${want}`, () => assert.equal(may(path), want));
}

test('a plain path is its only reading', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^(?:\/[a-zA-Z0-9_~$-][a-zA-Z0-9._~$-]{0,8}){1,6}\/?$/),
      (path) => {
        assert.ok(isPlainPath(path));
        assert.deepEqual(pathReadings(path), { kind: 'readings', paths: [path] });
      },
    ),
  );
});

/** Servers of different making: each is one way to find out which folder a path means. */
const servers: readonly ((path: string) => string)[] = [
  (path) => new URL(path.replaceAll(/\/{2,}/g, '/'), 'http://h').pathname,
  (path) => decodeURIComponent(new URL(path, 'http://h').pathname),
  (path) => new URL(decodeURIComponent(path).replaceAll(/\/{2,}/g, '/'), 'http://h').pathname,
  (path) => new URL(path.replaceAll(/;[^/]*/g, '').replaceAll(/\/{2,}/g, '/'), 'http://h').pathname,
  (path) => decodeURIComponent(decodeURIComponent(path)).replaceAll('\\', '/').toLowerCase(),
];

test('no path that a server takes for /admin is let in, whatever it is made of', () => {
  const parts = ['/', '//', '.', '..', ';', 'a=b', '%2f', '%2e', '%252e', '%5c', '\\', '%61'];
  const piece = fc.constantFrom(...parts, 'admin', 'dmin', 'public', 'x', '/public/', '%3b');
  let reached = 0;
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 9 }), (pieces) => {
      const path = `/${pieces.join('')}`;
      const isAdmin = servers.some((server) => {
        try {
          return /^\/admin(?:\/|$)/.test(server(path));
        } catch {
          // It refuses the path.
          return false;
        }
      });
      if (!isAdmin) return;
      reached += 1;
      assert.notEqual(may(path), 'allowed', path);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(reached > 20, `${reached} paths reached it`);
});
