import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainLook } from '../look.ts';
import { stableService } from '../wire-samples.fixture.ts';
import { serviceDescription } from './service-description.ts';

test('describe shows rules, key and matches of steps', () => {
  const service = stableService('checkout', {
    rules: [
      { name: 'search', matches: ['GET /search/*', '/find'], timeouts: { request: '1m' } },
      { name: 'rest', matches: [], timeouts: {} },
    ],
    sticky: 'cookie sid',
    stepMatches: [{ weightPercent: 1, matches: ['header x-canary: true'] }],
  });
  const lines = serviceDescription(service, plainLook).map((line) => line.replace(/: +/, ': '));
  for (const line of [
    'Rule search: GET /search/* or /find, request 1m',
    'Rule rest: every request',
    'Sticky by: cookie sid',
    'At 1 % also: header x-canary: true to the candidate',
  ]) {
    assert.ok(lines.includes(line), lines.join('\n'));
  }
});
