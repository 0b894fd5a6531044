import assert from 'node:assert/strict';
import test from 'node:test';
import { parsedTraffic } from './traffic-line.fixture.ts';

/** `rateLimit` begins at line 7 and column 16. */
function parsed(rateLimit: string) {
  const { policy, told } = parsedTraffic(`rateLimit: ${rateLimit}`);
  return { limits: policy?.rateLimits, told };
}

const taken = [
  ['{ rate: 1000/s, per: instance }', 'per-instance', 1000, 1000, { kind: 'instance' }],
  ['{ rate: 30/m, per: route, burst: 5 }', 'per-route', 0.5, 5, { kind: 'route' }],
  ['{ name: mine, rate: 7200/h, per: address }', 'mine', 2, 7200, { kind: 'address' }],
  ['{ rate: 0.5/s, per: route }', 'per-route', 0.5, 1, { kind: 'route' }],
  [
    '[{ rate: 1/h, per: { header: X-Api-Key } }]',
    'per-x-api-key',
    1 / 3600,
    1,
    { kind: 'header', name: 'x-api-key' },
  ],
] as const;

for (const [written, name, ratePerSecond, burst, per] of taken) {
  test(`${written} is ${name} with ${ratePerSecond} a second`, () => {
    assert.deepEqual(parsed(written), { limits: [{ name, ratePerSecond, burst, per }], told: [] });
  });
}

const refused = [
  [
    '{ rate: 1000, per: instance }',
    '7:24: "rate" must be a rate such as 1000/s, 30/m or 5000/h, not 1000; write 1000/s',
  ],
  [
    '{ rate: 1/d, per: route }',
    '7:24: "rate" must be a rate such as 1000/s, 30/m or 5000/h, not "1/d"',
  ],
  ['{ rate: 0.1/h, per: route }', '7:24: "rate" must be at least 1/h, not "0.1/h"'],
  ['{ rate: 2000000/s, per: route }', '7:24: "rate" must be at most 1000000/s, not "2000000/s"'],
  ['{ rate: 1/s }', '7:5: "rateLimit" has no "per"'],
  [
    '{ rate: 1/s, per: x-key }',
    '7:34: "per" must be instance, route, address, { header: NAME } or { claim: NAME }, not "x-key"; did you mean { header: x-key }?',
  ],
  [
    '{ rate: 1/s, per: { header: x, claim: y } }',
    '7:34: "per" must have exactly one of header and claim; it has both',
  ],
  [
    '{ rate: 1/s, per: { claim: sub } }',
    '7:34: "per" goes by a claim, and nothing asks for a token: add "jwt"',
  ],
  ['{ rate: 1/s, per: route, burst: 0 }', '7:48: "burst" must be 1 to 10000000, not 0'],
  [
    '[{ rate: 1/s, per: route }, { rate: 9/m, per: route }]',
    '7:44: "name" is called "per-route" as an earlier one: give it a name of its own',
  ],
  ['[]', '7:16: "rateLimit" must have at least one item'],
  [
    `[${Array(9).fill('{ rate: 1/s, per: route }').join(', ')}]`,
    '7:16: "rateLimit" has more than 8 items',
  ],
] as const;

for (const [written, problem] of refused) {
  test(`${written.slice(0, 60)} is refused with its place`, () => {
    const { told } = parsed(written);
    assert.equal(told[0], `f:${problem}`);
  });
}
