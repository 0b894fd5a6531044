import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCli } from './cli.fixture.ts';
import { exitCodes } from './exit-codes.ts';

const market = fileURLToPath(new URL('../../../examples/market/market.yaml', import.meta.url));
const check = (...more: readonly string[]) => runCli(['policy', 'check', ...more, '-f', market]);

const rows: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  [
    'a service by its name',
    ['web', 'cart', 'DELETE', '/carts/7'],
    exitCodes.ok,
    /^allowed by rule web \(ALLOW\) at .*market\.yaml:29:11$/m,
  ],
  [
    'what no rule allows',
    ['web', 'payments', 'POST', '/charges'],
    exitCodes.error,
    /^denied: no rule of payments allows it, of 3$/m,
  ],
  [
    'what a rule denies, by another spelling',
    ['checkout', 'payments', 'GET', '/charges//%65xport?all=1'],
    exitCodes.error,
    /^denied by rule no-export \(DENY\) at .*market\.yaml:\d+:\d+$/m,
  ],
  [
    'claims',
    ['support', 'payments', 'POST', '/refunds', '--claim', 'role=guest', '--claim', 'role=agent'],
    exitCodes.ok,
    /^allowed by rule agents-refund/m,
  ],
  [
    'a namespace',
    ['ops/oncall', 'orders', 'GET', '/orders/7'],
    exitCodes.ok,
    /^allowed by rule operators-look/m,
  ],
  [
    'another trust domain',
    ['web', 'search', 'GET', '/search', '--trust-domain', 'other.example'],
    exitCodes.error,
    /^denied: no rule/m,
  ],
  ['an address', ['10.20.3.4', 'support', 'POST', '/'], exitCodes.ok, /^allowed by rule office/m],
];

for (const [name, question, code, want] of rows) {
  test(`${name}: ${question.join(' ')}`, async () => {
    const ran = await check(...question);
    assert.match(ran.stdout, want, ran.stderr);
    assert.equal(ran.code, code);
  });
}

test('as JSON it has the rule and its place', async () => {
  const ran = await check(
    'spiffe://tidegate.local/ns/default/sa/web',
    'web',
    'GET',
    '/internal',
    '-o',
    'json',
  );
  const said = JSON.parse(ran.stdout) as { rule: { place: string } };
  const { place } = said.rule;
  assert.match(place, /market\.yaml:\d+:\d+$/);
  assert.deepEqual(said, {
    kind: 'PolicyCheck',
    allowed: false,
    mode: 'enforce',
    rule: { name: 'nothing-internal', action: 'DENY', place },
    principal: 'tidegate.local/ns/default/sa/web',
    address: '127.0.0.1',
    sentence: `denied by rule nothing-internal (DENY) at ${place}`,
  });
  assert.equal(ran.code, exitCodes.error);
});

test('what cannot be asked is said, with a remedy', async () => {
  const unknown = await check('web', 'shop', 'GET', '/');
  assert.equal(unknown.code, exitCodes.usage);
  assert.match(unknown.stderr, /no service "shop" is in the files[^]*there are: web, cart/);
  const claim = await check('web', 'web', 'GET', '/', '--claim', 'admin');
  assert.equal(claim.code, exitCodes.usage);
  assert.match(claim.stderr, /--claim role=admin/);
  const malformed = await check('a b', 'web', 'GET', '/');
  assert.equal(malformed.code, exitCodes.usage);
  const broken = await runCli(['policy', 'check', 'web', 'web', 'GET', '/', '-f', '-'], {
    stdin: `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web }
spec:
  run: { command: [node, a.js] }
  traffic: { authorization: { rules: [{ name: a }, { name: d, action: DENY }] } }
`,
  });
  assert.equal(broken.code, exitCodes.error);
  assert.match(
    broken.stderr,
    new RegExp(
      `${join('stdin.yaml')}:6:39: rule "a" can never allow anything: rule "d" denies all of it`,
    ),
  );
});
