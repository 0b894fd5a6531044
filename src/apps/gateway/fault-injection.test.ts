import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { routesFileName } from '../../adapters/gateway/gateway-file.ts';
import type { FaultRule } from '../../domain/traffic/faults/fault-rule.ts';
import { everyPath, type RequestMatch } from '../../domain/traffic/routing/request-match.ts';
import type { Backend, Endpoint } from '../../domain/traffic/routing/route-table.ts';
import { type ArmCount, weightedCount } from '../../domain/traffic/samples/traffic-sample.ts';
import { type Answer, engines, GatewayFixture, send, until } from './gateway-fixture.ts';

const boundMs = 60_000;
const drill: RequestMatch = {
  path: everyPath,
  method: null,
  headers: [{ name: 'x-drill', value: 'yes' }],
  queryParams: [],
  cookies: [],
};
let lastId = 0;

/** In force for ten minutes, if its test does not end it. */
function fault(change: Partial<FaultRule>): FaultRule {
  lastId += 1;
  return { id: `f${lastId}`, untilMs: Date.now() + 600_000, matches: [], ...change };
}

for (const engine of engines) {
  describe(`engine ${engine}`, () => {
    let fixture: GatewayFixture;
    let [reachedA, reachedB] = [0, 0];
    let a: Endpoint;
    let b: Endpoint;
    before(async () => {
      fixture = await GatewayFixture.start(engine);
      a = await fixture.instance((request, response) => {
        reachedA += 1;
        request.resume().on('end', () => response.end('a'));
      }, 'a');
      b = await fixture.instance((request, response) => {
        reachedB += 1;
        request.resume().on('end', () => response.end('b'));
      }, 'b');
    });
    after(() => fixture[Symbol.asyncDispose]());

    /** Revisions of the test alone, so that it counts no other's requests. */
    function alone(revisionId: string): readonly Backend[] {
      return [{ revisionId, weightPercent: 100, endpoints: [a] }];
    }

    function split(revisionA: string, revisionB: string): readonly Backend[] {
      return [
        { revisionId: revisionA, weightPercent: 50, endpoints: [a] },
        { revisionId: revisionB, weightPercent: 50, endpoints: [b] },
      ];
    }

    function evidence(revisionId: string): ArmCount {
      const sum = { requests: 0, failures: 0 };
      for (const sample of fixture.samples) {
        const count = weightedCount(sample, revisionId);
        sum.requests += count.requests;
        sum.failures += count.failures;
      }
      return sum;
    }

    function apart(revisionId: string): number {
      const counts = fixture.samples.flatMap((sample) => sample.apart ?? []);
      const own = counts.filter((each) => each.kind === 'fault' && each.revisionId === revisionId);
      return own.flatMap((each) => [...each.byStatusClass]).reduce((sum, each) => sum + each, 0);
    }

    async function counted(count: number, ...revisionIds: readonly string[]): Promise<void> {
      const total = (id: string): number => evidence(id).requests + apart(id);
      await until(() => revisionIds.reduce((sum, id) => sum + total(id), 0) >= count, boundMs);
    }

    async function sendMany(count: number): Promise<readonly Answer[]> {
      const answers: Answer[] = [];
      for (let sent = 0; sent < count; sent += 1) answers.push(await fixture.send());
      return answers;
    }

    /** Faults of a kind that were injected, by the gateway's metrics. */
    async function injected(kind: string): Promise<number> {
      const { body } = await send(fixture.process.file.admin?.port ?? 0, { path: '/metrics' });
      const name = 'tidegate_gateway_faults_injected_total';
      const line = new RegExp(
        `${name}\\{tidegate_service="svc",tidegate_fault="${kind}"\\} (\\d+)`,
      );
      return Number(line.exec(body.toString())?.[1] ?? 0);
    }

    test('a tenth is aborted, exactly: callers hear why, no instance is asked, and it is no evidence', async () => {
      const [reached, before] = [reachedA, await injected('abort')];
      const wanted = fault({ abort: { percent: 10, with: 503 } });
      await fixture.route(alone('tenth'), { faults: [wanted] });
      const aborted = (await sendMany(40)).filter(({ status }) => status === 503);
      assert.equal(aborted.length, 4);
      for (const { headers, body } of aborted) {
        assert.equal(headers['x-tidegate-reason'], 'fault-injected');
        assert.match(body.toString(), new RegExp(`fault ${wanted.id} was injected`));
      }
      assert.equal(reachedA - reached, 36);
      await counted(40, 'tenth');
      assert.deepEqual(evidence('tenth'), { requests: 36, failures: 0 });
      assert.equal(apart('tenth'), 4);
      assert.equal((await injected('abort')) - before, 4);
    });

    test('a delayed request has its answer late, others do not, and no timeout runs meanwhile', async () => {
      const delay = { percent: 100, fixedDelayMs: 3500 };
      const faults = [fault({ delay, matches: [drill] })];
      await fixture.route(alone('late'), { requestTimeoutMs: 3000, faults });
      const startedMs = performance.now();
      const headers = { 'x-drill': 'yes' };
      const answer = await fixture.send({ method: 'POST', headers, body: 'abc' });
      assert.ok(performance.now() - startedMs >= 3499);
      assert.deepEqual([answer.status, answer.body.toString()], [200, 'a']);
      assert.equal((await fixture.send()).status, 200);
      await counted(2, 'late');
      assert.deepEqual([evidence('late').requests, apart('late')], [1, 1]);
    });

    test('a reset ends the connection without a word', async () => {
      const abort = { percent: 100, with: 'reset' } as const;
      await fixture.route(alone('reset'), { faults: [fault({ abort })] });
      await assert.rejects(fixture.send(), { code: 'ECONNRESET' });
      await fixture.route(alone('reset'));
      assert.equal((await fixture.send()).status, 200);
      await counted(2, 'reset');
      assert.deepEqual([evidence('reset').requests, apart('reset')], [1, 1]);
    });

    test('a caller that leaves during a delay is no trouble, and no instance hears of it', async () => {
      const [reached, before] = [reachedA, await injected('delay')];
      const delay = { percent: 100, fixedDelayMs: 60_000 };
      await fixture.route(alone('left'), { faults: [fault({ delay })] });
      const socket = connect(fixture.port, '127.0.0.1');
      socket.write('GET / HTTP/1.1\r\nHost: svc.localhost\r\n\r\n');
      await until(async () => (await injected('delay')) > before, boundMs);
      socket.resetAndDestroy();
      await once(socket, 'close');
      await fixture.route(alone('left'));
      assert.equal((await fixture.send()).status, 200);
      assert.equal(reachedA - reached, 1);
    });

    test('aimed at one revision it spares the other, and both have the same part counted apart', async () => {
      const wanted = fault({ revisionId: 'aimed-b', abort: { percent: 20, with: 500 } });
      await fixture.route(split('aimed-a', 'aimed-b'), { faults: [wanted] });
      const answers = await sendMany(100);
      assert.equal(answers.filter(({ status }) => status === 500).length, 10);
      assert.equal(answers.filter(({ body }) => body.toString() === 'a').length, 50);
      await counted(100, 'aimed-a', 'aimed-b');
      assert.deepEqual([apart('aimed-a'), apart('aimed-b')], [10, 10]);
      assert.deepEqual(evidence('aimed-a'), { requests: 40, failures: 0 });
      assert.deepEqual(evidence('aimed-b'), { requests: 40, failures: 0 });
    });

    test('as evidence it counts as if the revision had failed', async () => {
      const reached = reachedB;
      const abort = { percent: 50, with: 500 } as const;
      const wanted = fault({ revisionId: 'bad-b', abort, isEvidence: true });
      await fixture.route(split('bad-a', 'bad-b'), { faults: [wanted] });
      await sendMany(40);
      await counted(40, 'bad-a', 'bad-b');
      assert.deepEqual(evidence('bad-b'), { requests: 20, failures: 10 });
      assert.deepEqual(evidence('bad-a'), { requests: 20, failures: 0 });
      assert.equal(reachedB - reached, 10);
    });

    test('only the requests that a rule has', async () => {
      const path = { type: 'PathPrefix', value: '/pay' } as const;
      const rules = [{ name: 'pay', matches: [{ ...drill, headers: [], path }] }];
      const abort = { percent: 100, with: 429 } as const;
      await fixture.route(alone('ruled'), { rules, faults: [fault({ ruleName: 'pay', abort })] });
      assert.equal((await fixture.send({ path: '/pay/now' })).status, 429);
      assert.equal((await fixture.send({ path: '/look' })).status, 200);
    });

    test('an upgrade is faulted like any request', async () => {
      const abort = { percent: 100, with: 503 } as const;
      await fixture.route(alone('upgrade'), { faults: [fault({ abort })] });
      const answer = await fixture.raw(
        'GET / HTTP/1.1\r\nHost: svc.localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
        (received) => received.includes('\r\n\r\n'),
      );
      assert.match(answer, /^HTTP\/1\.1 503 /);
    });

    test('it ends at its time, with nobody left who could end it', async () => {
      const wanted = fault({ untilMs: Date.now() + 1500, abort: { percent: 100, with: 503 } });
      await fixture.route(alone('over'), { faults: [wanted] });
      // Nothing more is heard from whoever has set it.
      await fixture.client[Symbol.asyncDispose]();
      const isOver = async (): Promise<boolean> => (await fixture.send()).status === 200;
      const wasOver = await isOver();
      assert.ok(!wasOver || Date.now() >= wanted.untilMs, 'it was in force at first');
      await until(isOver, boundMs);
      assert.ok(Date.now() >= wanted.untilMs - 5, 'it was in force until its end');
      // Kept for a restart, after which its end is the same.
      const kept = await readFile(join(fixture.stateFolder, routesFileName), 'utf8');
      assert.ok(kept.includes(`"untilMs":${wanted.untilMs}`));
    });
  });
}

test('three workers abort a tenth together, whichever of them a request comes to, and count each once', async () => {
  await using fixture = await GatewayFixture.start('fast', { workers: 3 });
  const endpoint = await fixture.instance((_request, response) => response.end('a'), 'a');
  const backends = [{ revisionId: 'shared', weightPercent: 100, endpoints: [endpoint] }];
  const faults = [fault({ abort: { percent: 10, with: 503 } })];
  await fixture.route(backends, { faults });
  const statuses: number[] = [];
  for (let round = 0; round < 30; round += 1) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => fixture.sendAnew()));
    statuses.push(...answers.map(({ status }) => status));
  }
  const aborted = statuses.filter((status) => status === 503).length;
  // Each of the processes takes turns by itself, and may be off by one.
  assert.ok(Math.abs(aborted - 30) <= 3, `${aborted} of 300`);
  assert.equal(statuses.filter((status) => status === 200).length, 300 - aborted);
  const counts = (): readonly (readonly [kind: string, requests: number])[] =>
    fixture.samples.flatMap(({ counts: usual, apart = [] }) => [
      ...usual.map((each) => ['usual', sum(each.byStatusClass)] as const),
      ...apart.map((each) => [each.kind, sum(each.byStatusClass)] as const),
    ]);
  const ended = (kind: string): number =>
    sum(counts().map(([each, requests]) => (each === kind ? requests : 0)));
  await until(() => ended('usual') + ended('fault') === 300);
  assert.equal(ended('fault'), aborted);
  // Without the fault nobody is aborted any more, in any of them.
  await fixture.route(backends);
  const after = await Promise.all(Array.from({ length: 30 }, () => fixture.sendAnew()));
  assert.deepEqual(new Set(after.map(({ status }) => status)), new Set([200]));
});

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
