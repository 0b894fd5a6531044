import assert from 'node:assert/strict';
import { test } from 'node:test';
import { specOf, stepOf } from '../../../domain/release/release.fixture.ts';
import { everyPath, type RequestMatch } from '../../../domain/traffic/routing/request-match.ts';
import { usualRetries } from '../../../domain/traffic/resilience/traffic-policy.ts';
import { matchWords, routingWords } from './routing-words.ts';

const every: RequestMatch = {
  path: everyPath,
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
};

for (const [match, want] of [
  [{}, '/*'],
  [{ path: { type: 'PathPrefix', value: '/a/' } }, '/a/*'],
  [{ path: { type: 'Exact', value: '/a' }, method: 'GET' }, 'GET /a'],
  [
    {
      headers: [{ name: 'x', value: '1' }],
      queryParams: [{ name: 'q', value: '2' }],
      cookies: [{ name: 'c', value: '3' }],
    },
    '/*, header x: 1, query q=2, cookie c=3',
  ],
] as const) {
  test(`a match is said as ${want}`, () => {
    assert.equal(matchWords({ ...every, ...match }), want);
  });
}

test('rules, key and matches of steps are shown, and nothing where nothing is set', () => {
  const spec = specOf(1);
  assert.deepEqual(routingWords(spec), {});
  const header = { name: 'x-canary', value: 'true' };
  const words = routingWords({
    ...spec,
    rules: [
      { name: 'slow', matches: [every], timeouts: { requestMs: 60_000, idleMs: 500 } },
      { name: 'rest', matches: [], retries: { ...usualRetries, onStatuses: [503] } },
    ],
    sticky: { kind: 'cookie', name: 'sid' },
    plan: {
      ...spec.plan,
      steps: [stepOf(1, { match: header }), stepOf(5, { matches: [every] }), stepOf(100)],
    },
  });
  assert.deepEqual(words, {
    rules: [
      { name: 'slow', matches: ['/*'], timeouts: { request: '1m', idle: '500ms' } },
      {
        name: 'rest',
        matches: [],
        timeouts: {},
        retries: {
          attempts: '2',
          on: 'connect-failure refused-stream 503',
          methods: 'safe',
          backOff: '0s',
          budget: '20%',
          minPerSecond: '10',
        },
      },
    ],
    sticky: 'cookie sid',
    stepMatches: [
      { weightPercent: 1, matches: ['header x-canary: true'] },
      { weightPercent: 5, matches: ['/*'] },
    ],
  });
});
