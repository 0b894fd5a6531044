import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { RequestMatch } from '../../../domain/traffic/routing/request-match.ts';
import {
  type RetryPolicy,
  usualRetries,
} from '../../../domain/traffic/resilience/traffic-policy.ts';
import { GatewayFixture } from '../gateway-fixture.ts';

let fixture: GatewayFixture;
before(async () => {
  fixture = await GatewayFixture.start('fast');
});
after(() => fixture[Symbol.asyncDispose]());

const below: RequestMatch = {
  path: { type: 'PathPrefix', value: '/report' },
  method: null,
  headers: [],
  queryParams: [],
  cookies: [],
};
const patient: RetryPolicy = { ...usualRetries, onStatuses: [503], attempts: 1, backOffMs: 1 };
const none: RetryPolicy = { ...patient, attempts: 0 };

/** Answers 503 to the first request of a path, and 200 from then on. */
async function flaky(service: RetryPolicy | null, rule: RetryPolicy): Promise<Map<string, number>> {
  const asked = new Map<string, number>();
  await fixture.single(
    (request, response) => {
      const path = request.url ?? '';
      asked.set(path, (asked.get(path) ?? 0) + 1);
      response.writeHead(asked.get(path) === 1 ? 503 : 200).end();
    },
    {
      rules: [{ name: 'reports', matches: [below], retries: rule }],
      ...(service === null ? {} : { policy: { retries: service } }),
    },
  );
  return asked;
}

test('a rule has retries of its own where its service has none', async () => {
  const asked = await flaky(null, patient);
  assert.equal((await fixture.send({ path: '/report/1' })).status, 200);
  assert.equal((await fixture.send({ path: '/other' })).status, 503);
  assert.deepEqual([asked.get('/report/1'), asked.get('/other')], [2, 1]);
});

test('a rule can go without the retries of its service', async () => {
  const asked = await flaky(patient, none);
  assert.equal((await fixture.send({ path: '/report/1' })).status, 503);
  assert.equal((await fixture.send({ path: '/other' })).status, 200);
  assert.deepEqual([asked.get('/report/1'), asked.get('/other')], [1, 2]);
});

test('an attempt of a rule has its own time', async () => {
  let asked = 0;
  await fixture.single(
    (_request, response) => {
      asked += 1;
      if (asked > 1) response.end('now');
    },
    {
      requestTimeoutMs: 60_000,
      rules: [
        {
          name: 'reports',
          matches: [below],
          retries: { ...patient, onReset: true, perTryTimeoutMs: 3000 },
        },
      ],
    },
  );
  assert.equal((await fixture.send({ path: '/report' })).body.toString(), 'now');
  assert.equal(asked, 2);
});
