import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainLook } from '../look.ts';
import { movingService, stableService } from '../wire-samples.fixture.ts';
import { serviceDescription } from './service-description.ts';

test('describe shows what copies came to, and that it is no evidence', () => {
  const shadow = { requests: 1200, failures: 3, dropped: 5, p95Ms: 12 };
  const service = movingService('checkout', { shadow });
  const lines = serviceDescription(service, plainLook).map((line) => line.replace(/: +/, ': '));
  const want = 'Copies: 3 of 1,200 failed, p95 12 ms, 5 not sent; no evidence';
  assert.ok(lines.includes(want), lines.join('\n'));
});

test('describe shows rules, key and matches of steps', () => {
  const service = stableService('checkout', {
    rules: [
      { name: 'search', matches: ['GET /search/*', '/find'], timeouts: { request: '1m' } },
      { name: 'rest', matches: [], timeouts: {}, retries: { attempts: '1', on: '503' } },
    ],
    sticky: 'cookie sid',
    stepMatches: [{ weightPercent: 1, matches: ['header x-canary: true'] }],
  });
  const lines = serviceDescription(service, plainLook).map((line) => line.replace(/: +/, ': '));
  for (const line of [
    'Rule search: GET /search/* or /find, request 1m',
    'Rule rest: every request, retries attempts 1, retries on 503',
    'Sticky by: cookie sid',
    'At 1 % also: header x-canary: true to the candidate',
  ]) {
    assert.ok(lines.includes(line), lines.join('\n'));
  }
});
