import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteTable } from '../domain/traffic/routing/route-table.ts';
import { RouterError, type TrafficRouter } from './traffic-router.ts';

/** A fresh router without a table, and what the contract needs to see of its traffic. */
export interface RouterUnderTest extends AsyncDisposable {
  readonly router: TrafficRouter;
  /** Revision that answers each of `requests` new requests to `contract.localhost`, in order. */
  send(requests: number): Promise<readonly string[]>;
  /** Another observer of the same router, as a restarted server makes it. */
  observe(): TrafficRouter & Partial<AsyncDisposable>;
  /** Ready instances of r1 and r2. */
  endpoints(revisionId: 'r1' | 'r2'): RouteTable['routes'][number]['backends'][number]['endpoints'];
}

/** What every traffic router holds to; see traffic-router.ts. */
export function testTrafficRouter(name: string, make: () => Promise<RouterUnderTest>): void {
  const signal = AbortSignal.timeout(1_800_000);

  test(`${name}: a router without a table has no version, or one that any table replaces`, async () => {
    await using subject = await make();
    assert.ok(((await subject.router.version(signal)) ?? 0) < 1);
  });

  test(`${name}: requests after apply are routed by the table`, async () => {
    await using subject = await make();
    for (const [version, percent] of [100, 0, 100, 0].entries()) {
      await subject.router.apply(tableOf(subject, version + 1, percent), signal);
      const want = percent === 100 ? 'r2' : 'r1';
      assert.deepEqual(await subject.send(3), [want, want, want]);
      assert.equal(await subject.router.version(signal), version + 1);
    }
  });

  test(`${name}: apply is idempotent by version`, async () => {
    await using subject = await make();
    await subject.router.apply(tableOf(subject, 5, 100), signal);
    await subject.router.apply(tableOf(subject, 5, 100), signal);
    assert.equal(await subject.router.version(signal), 5);
    assert.deepEqual(await subject.send(2), ['r2', 'r2']);
  });

  test(`${name}: an older table is ignored and resolves`, async () => {
    await using subject = await make();
    await subject.router.apply(tableOf(subject, 5, 100), signal);
    await subject.router.apply(tableOf(subject, 4, 0), signal);
    assert.equal(await subject.router.version(signal), 5);
    assert.deepEqual(await subject.send(2), ['r2', 'r2']);
  });

  test(`${name}: of concurrent applies the newest is in force`, async () => {
    await using subject = await make();
    const percents = [0, 50, 100, 50, 0, 100];
    await Promise.all(
      percents.map((percent, index) => {
        return subject.router.apply(tableOf(subject, index + 1, percent), signal);
      }),
    );
    assert.equal(await subject.router.version(signal), percents.length);
    assert.deepEqual(await subject.send(2), ['r2', 'r2']);
  });

  test(`${name}: another observer finds the version, and the table stays in force`, async () => {
    await using subject = await make();
    await subject.router.apply(tableOf(subject, 7, 100), signal);
    const observer = subject.observe();
    try {
      assert.equal(await observer.version(signal), 7);
      await observer.apply(tableOf(subject, 6, 0), signal);
      assert.deepEqual(await subject.send(2), ['r2', 'r2']);
      await observer.apply(tableOf(subject, 8, 0), signal);
      assert.deepEqual(await subject.send(2), ['r1', 'r1']);
    } finally {
      await observer[Symbol.asyncDispose]?.();
    }
  });

  test(`${name}: a table that is wrong is refused whole, and not again by itself`, async () => {
    await using subject = await make();
    await subject.router.apply(tableOf(subject, 1, 100), signal);
    await assert.rejects(
      subject.router.apply(tableOf(subject, 2, 120), signal),
      (error) => error instanceof RouterError && error.code === 'refused' && !error.retryable,
    );
    assert.equal(await subject.router.version(signal), 1);
    assert.deepEqual(await subject.send(2), ['r2', 'r2']);
  });

  test(`${name}: drain resolves for a revision that has nothing under way, or is unknown`, async () => {
    await using subject = await make();
    await subject.router.apply(tableOf(subject, 1, 50), signal);
    await subject.send(4);
    await subject.router.apply(tableOf(subject, 2, 0), signal);
    await subject.router.drain('r2', signal);
    await subject.router.drain('r2-1', signal);
    await subject.router.drain('never-seen', signal);
  });

  test(`${name}: an aborted signal is heeded`, async () => {
    await using subject = await make();
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(subject.router.apply(tableOf(subject, 1, 0), aborted), reason);
  });

  test(`${name}: 1,000 requests at 95:5 give 50 and a 0.1 % share gives 1`, async () => {
    await using subject = await make();
    await subject.router.apply(tableOf(subject, 1, 5), signal);
    const first = (await subject.send(1000)).filter((revision) => revision === 'r2').length;
    assert.ok(Math.abs(first - 50) <= 1, `got ${first}`);
    await subject.router.apply(tableOf(subject, 2, 0.1), signal);
    const second = (await subject.send(1000)).filter((revision) => revision === 'r2').length;
    assert.ok(Math.abs(second - 1) <= 1, `got ${second}`);
  });
}

function tableOf(subject: RouterUnderTest, version: number, candidatePercent: number): RouteTable {
  const stablePercent = Math.round((100 - candidatePercent) * 10) / 10;
  const stable = { revisionId: 'r1', weightPercent: stablePercent };
  const candidate = { revisionId: 'r2', weightPercent: candidatePercent };
  const route = {
    service: 'contract',
    host: 'contract.localhost',
    requestTimeoutMs: 60_000,
    backends: [
      { ...stable, endpoints: subject.endpoints('r1') },
      { ...candidate, endpoints: subject.endpoints('r2') },
    ],
    matches: [],
  };
  return { version, routes: [route] };
}
