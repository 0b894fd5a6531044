import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryRouter } from '../../adapters/memory/memory-router.ts';
import type { Route, RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { RouterError, type TrafficRouter } from '../../ports/traffic-router.ts';
import { HandClock, settle } from './hand-clock.fixture.ts';
import { TablePusher } from './table-pusher.ts';

const { signal } = new AbortController();

test('calls at the same time share one table, and calls during a push wait for the next', async () => {
  const { pusher, applied, release, want } = gatedWorld();
  want('a');
  const first = pusher.push(signal);
  await settle();
  want('b');
  const later = [pusher.push(signal), pusher.push(signal)];
  await settle();
  assert.deepEqual(applied, ['a']);
  assert.equal(await isSettled(first), false);
  release();
  await settle();
  assert.equal(await isSettled(first), true);
  assert.deepEqual(applied, ['a', 'b']);
  assert.equal(await isSettled(later[0]), false);
  release();
  await Promise.all(later);
  assert.deepEqual(applied, ['a', 'b']);
});

test('a table that is in force is not sent again', async () => {
  const { clock, router, pusher, want } = world();
  want('a');
  assert.equal(pusher.isStale(), true);
  await pusher.push(signal);
  assert.equal(pusher.isStale(), false);
  const before = router.table?.version;
  await clock.pass(1_000);
  await pusher.push(signal);
  assert.equal(router.table?.version, before);
  want('b');
  assert.equal(pusher.isStale(), true);
  await pusher.push(signal);
  assert.equal(router.table?.routes[0]?.host, 'b');
});

test('after a failure the same table is sent again, also when it was in force and the answer was lost', async () => {
  for (const kind of ['fails', 'answer-lost'] as const) {
    const { router, pusher, want } = world();
    want('a');
    await pusher.push(signal);
    want('b');
    router.plan({ kind });
    await assert.rejects(pusher.push(signal), RouterError);
    assert.equal(pusher.isStale(), true);
    const before = router.table?.version ?? 0;
    await pusher.push(signal);
    assert.equal(router.table?.routes[0]?.host, 'b');
    assert.ok((router.table?.version ?? 0) > before);
  }
});

test('after a lost answer the table before it is not taken to be in force any more', async () => {
  const { router, pusher, want } = world();
  want('a');
  await pusher.push(signal);
  want('b');
  router.plan({ kind: 'answer-lost' });
  await assert.rejects(pusher.push(signal), RouterError);
  assert.equal(router.table?.routes[0]?.host, 'b');
  want('a');
  assert.equal(pusher.isStale(), true);
  await pusher.push(signal);
  assert.equal(router.table?.routes[0]?.host, 'a');
});

test('versions grow over restarts, also when the clock was set back', async () => {
  const { clock, router, pusher, want, restarted } = world();
  want('a');
  await pusher.push(signal);
  const versions = [router.table?.version ?? 0];
  for (const nowMs of [2_000_000, 5, 5]) {
    clock.set(nowMs);
    want(`host-${versions.length}`);
    await restarted().push(signal);
    versions.push(router.table?.version ?? 0);
    assert.equal(router.table?.routes[0]?.host, `host-${versions.length - 1}`);
  }
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(versions).size, versions.length);
});

test('a caller who gives up leaves the others their push', async () => {
  const { pusher, applied, release, want } = gatedWorld();
  want('a');
  const running = pusher.push(signal);
  await settle();
  want('b');
  const abort = new AbortController();
  const given = pusher.push(abort.signal);
  const kept = pusher.push(signal);
  abort.abort(new Error('superseded'));
  await assert.rejects(given, /superseded/);
  release();
  await running;
  await settle();
  release();
  await kept;
  assert.deepEqual(applied, ['a', 'b']);
});

test('a push that nobody waits for ends, and the next does not wait behind it', async () => {
  const { pusher, applied, release, want } = gatedWorld();
  want('forth');
  const abort = new AbortController();
  const given = pusher.push(abort.signal);
  await settle();
  const abortNext = new AbortController();
  const next = pusher.push(abortNext.signal);
  abortNext.abort(new Error('superseded'));
  await assert.rejects(next, /superseded/);
  abort.abort(new Error('superseded'));
  await assert.rejects(given, /superseded/);
  want('back');
  const back = pusher.push(signal);
  await settle();
  assert.deepEqual(applied, ['forth', 'back']);
  release();
  await back;
  await assert.rejects(pusher.push(abort.signal), /superseded/);
});

function world() {
  const clock = new HandClock();
  const router = new MemoryRouter(clock);
  let host = '';
  const build = () => ({ routes: [routeTo(host)] });
  const restarted = () => new TablePusher({ router, clock, build });
  const want = (wanted: string) => void (host = wanted);
  return { clock, router, pusher: restarted(), restarted, want };
}

/** A router whose `apply` waits for `release`, or for its signal. */
function gatedWorld() {
  const applied: string[] = [];
  const waiting: (() => void)[] = [];
  const router: TrafficRouter = {
    version: () => Promise.resolve(null),
    drain: () => Promise.resolve(),
    apply: (table: RouteTable, signal: AbortSignal) => {
      applied.push(table.routes[0]?.host ?? '');
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiting.push(resolve);
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      if (signal.aborted) reject(signal.reason as Error);
      return promise;
    },
  };
  let host = '';
  const pusher = new TablePusher({
    router,
    clock: new HandClock(),
    build: () => ({ routes: [routeTo(host)] }),
  });
  const release = () => waiting.splice(0).forEach((each) => each());
  return { pusher, applied, release, want: (wanted: string) => void (host = wanted) };
}

function routeTo(host: string): Route {
  const backends = [{ revisionId: 'web-1', weightPercent: 100, endpoints: [] }];
  return { service: 'web', host, requestTimeoutMs: 1_000, backends, matches: [] };
}

async function isSettled(promise: Promise<void> | undefined): Promise<boolean> {
  let is = false;
  void promise?.then(() => (is = true));
  await settle();
  return is;
}
