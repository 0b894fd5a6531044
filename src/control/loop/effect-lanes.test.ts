import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryMachine, MemoryPlatform } from '../../adapters/memory/memory-platform.ts';
import { MemoryRouter } from '../../adapters/memory/memory-router.ts';
import type { Effect, Traffic } from '../../domain/release/effect.ts';
import { revisionOf } from '../../domain/release/release.fixture.ts';
import { blueGreenOf } from '../../domain/release/strategies/standby.fixture.ts';
import { type Instance, type Platform, PlatformError } from '../../ports/platform.ts';
import type { StandbyChecker } from '../../ports/standby-checker.ts';
import { RouterError, type TrafficRouter } from '../../ports/traffic-router.ts';
import { EffectLanes, type EffectOutcome } from './effect-lanes.ts';
import { HandClock } from './hand-clock.fixture.ts';
import { routesOf } from './route-table.ts';
import { TablePusher } from './table-pusher.ts';

test('effects are carried out side by side, and each reports its key', async () => {
  const { lanes, clock, machine, outcomes, signal } = world();
  machine.script(revisionOf(1).id, { ensureTakesMs: 1_000 });
  lanes.start('web', [run(1), run(2), route(1)], signal);
  await clock.pass(0);
  assert.deepEqual(outcomes(), ['done run 2', 'done route 1']);
  await clock.pass(1_000);
  assert.deepEqual(outcomes(), ['done run 2', 'done route 1', 'done run 1']);
  await lanes.settled();
});

test('what may succeed later is tried again after 100, 200, 400 ms, and at most every 5 s', async () => {
  const { lanes, clock, machine, outcomes, signal } = world();
  machine.script(revisionOf(1).id, { ensureFailures: 9 });
  lanes.start('web', [run(1)], signal);
  // 100 + 200 + 400 + 800 + 1,600 + 3,200 + 5,000 + 5,000 + 5,000
  await clock.pass(21_299);
  assert.deepEqual(outcomes(), []);
  await clock.pass(1);
  assert.deepEqual(outcomes(), ['done run 1']);
});

test('what cannot succeed is reported and not tried again', async () => {
  const platform = failingPlatform(() => {
    throw new PlatformError('start-failed', 'no such file node', { retryable: false });
  });
  const { lanes, clock, reports, signal } = world({ platform });
  lanes.start('web', [run(1)], signal);
  await clock.pass(60_000);
  assert.deepEqual(reports, [
    {
      kind: 'effect-failed',
      key: 'run 1',
      effect: 'ensure-instances',
      revisionId: revisionOf(1).id,
      message: 'no such file node',
    },
  ]);
  assert.equal(clock.sleeping, 0);
});

test('a standby is asked once its preview is in force, and no longer than it is wanted', async () => {
  const asked: string[] = [];
  const stopped: string[] = [];
  const standby: StandbyChecker = {
    check: async ({ host }, signal) => {
      asked.push(host);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped.push(host);
          reject(signal.reason as Error);
        });
      });
    },
  };
  const clock = new HandClock();
  const { lanes, outcomes, crashes, signal } = world({ standby, clock, router: slowRouter(clock) });
  lanes.start('web', [route(1), checks(2)], signal);
  await clock.pass(999);
  assert.deepEqual(asked, []);
  await clock.pass(1);
  assert.deepEqual(asked, ['web.localhost']);
  lanes.start('web', [stop(2)], signal);
  await clock.pass(0);
  assert.deepEqual(stopped, ['web.localhost']);
  assert.deepEqual(outcomes(), ['done route 1', 'done stop 2']);
  assert.deepEqual(crashes, []);
  await lanes.settled();
});

test('what a standby showed is reported as it is, and that nobody can check one too', async () => {
  const report = { kind: 'not-made', message: 'no gateway' } as const;
  for (const standby of [{ check: () => Promise.resolve(report) }, null]) {
    const { lanes, clock, reports, signal } = world(standby === null ? {} : { standby });
    lanes.start('web', [route(1), checks(2)], signal);
    await clock.pass(0);
    const found = reports.find(({ kind }) => kind === 'standby-checked');
    assert.equal(found?.kind, 'standby-checked');
    const { key, report: seen } = found;
    const message =
      standby === null ? 'this server has nothing to check a standby with' : 'no gateway';
    assert.deepEqual([key, seen], ['check 2', { kind: 'not-made', message }]);
    await lanes.settled();
  }
});

test('the newest order for a revision wins: a start under way ends for its stop', async () => {
  const { lanes, clock, machine, outcomes, signal } = world();
  machine.script(revisionOf(1).id, { ensureTakesMs: 60_000 });
  lanes.start('web', [run(1)], signal);
  await clock.pass(100);
  lanes.start('web', [stop(1)], signal);
  await clock.pass(100);
  assert.deepEqual(outcomes(), ['done stop 1']);
  assert.equal(machine.instances.size, 0);
});

test('an order begins only when the one before it in its lane has ended', async () => {
  const calls: string[] = [];
  const clock = new HandClock();
  const memory = new MemoryPlatform({ clock, machine: new MemoryMachine() });
  const platform: Platform = {
    // Takes a while to leave off after an abort.
    ensure: async (_revision, _count, signal) => {
      calls.push('start begins');
      await clock.sleep(60_000, signal).catch(() => undefined);
      await clock.sleep(50, new AbortController().signal);
      calls.push('start ends');
    },
    replace: (...call) => memory.replace(...call),
    stop: async () => void calls.push('stop'),
    observe: (...call) => memory.observe(...call),
    logs: (...call) => memory.logs(...call),
  };
  const { lanes, outcomes, signal } = world({ platform, clock });
  lanes.start('web', [run(1)], signal);
  await clock.pass(10);
  lanes.start('web', [stop(1)], signal);
  await clock.pass(100);
  assert.deepEqual(calls, ['start begins', 'start ends', 'stop']);
  assert.deepEqual(outcomes(), ['done stop 1']);
});

test('an instance to be replaced leaves the table and is drained before it stops', async () => {
  const { lanes, clock, machine, router, outcomes, instances, leaving, signal } = world();
  const platform = new MemoryPlatform({ clock, machine });
  lanes.start('web', [run(1)], signal);
  await clock.pass(0);
  instances.push(...(await platform.observe(signal)));
  lanes.start('web', [route(1)], signal);
  await clock.pass(0);
  const sentTo = (): readonly string[] =>
    (router.table?.routes[0]?.backends[0]?.endpoints ?? []).map((each) => each.instanceId);
  const bad = `${revisionOf(1).id}-1`;
  assert.equal(sentTo().length, 2);
  const seen: string[] = [];
  router.drain = async (id) => {
    const isThere = machine.instances.get(bad)?.goneAtMs === null;
    seen.push(`${id} ${isThere ? 'runs' : 'is gone'}, traffic to ${sentTo().length}`);
  };
  lanes.start('web', [replace(1, bad)], signal);
  await clock.pass(0);
  assert.deepEqual(seen, [`${bad} runs, traffic to 1`]);
  assert.deepEqual(
    [...machine.instances.keys()],
    [`${revisionOf(1).id}-2`, `${revisionOf(1).id}-3`],
  );
  assert.deepEqual(outcomes(), ['done run 1', 'done route 1', 'done replace 1']);
  // What was seen last still has it: a table made now must not.
  assert.deepEqual([...leaving], [bad]);
});

test('where there are to be fewer, the newest leaves the table and is drained before it stops', async () => {
  const { lanes, clock, machine, router, outcomes, instances, leaving, signal } = world();
  const platform = new MemoryPlatform({ clock, machine });
  const { id } = revisionOf(1);
  lanes.start('web', [{ ...run(1), count: 11 }], signal);
  await clock.pass(0);
  instances.push(...(await platform.observe(signal)));
  lanes.start('web', [route(1)], signal);
  await clock.pass(0);
  const sentTo = (): number => router.table?.routes[0]?.backends[0]?.endpoints.length ?? 0;
  assert.equal(sentTo(), 11);
  const seen: string[] = [];
  router.drain = async (each) => {
    const isThere = machine.instances.get(each)?.goneAtMs === null;
    seen.push(`${each} ${isThere ? 'runs' : 'is gone'}, traffic to ${sentTo()}`);
  };
  lanes.start('web', [{ ...run(1), count: 9 }], signal);
  await clock.pass(0);
  assert.deepEqual(seen, [`${id}-11 runs, traffic to 9`, `${id}-10 runs, traffic to 9`]);
  assert.equal(machine.instances.size, 9);
  assert.deepEqual(outcomes(), ['done run 1', 'done route 1', 'done run 1']);
  assert.deepEqual([...leaving], [`${id}-11`, `${id}-10`]);
});

test('where there are to be fewer, those that do not serve go before the newest', async () => {
  const clock = new HandClock();
  const machine = new MemoryMachine();
  const platform = new MemoryPlatform({ clock, machine });
  const { id } = revisionOf(1);
  const unready = new Set([`${id}-1`, `${id}-3`]);
  const observe = async (signal: AbortSignal): Promise<readonly Instance[]> =>
    (await platform.observe(signal)).map((each) =>
      unready.has(each.id) ? { ...each, state: 'unready' } : each,
    );
  const seen: Platform = {
    observe,
    ensure: (revision, count, signal) => platform.ensure(revision, count, signal),
    replace: (revision, wanted, signal) => platform.replace(revision, wanted, signal),
    stop: (revision, signal) => platform.stop(revision, signal),
    logs: (query, signal) => platform.logs(query, signal),
  };
  const { lanes, outcomes, signal } = world({ clock, platform: seen });
  lanes.start('web', [{ ...run(1), count: 5 }], signal);
  await clock.pass(0);
  lanes.start('web', [{ ...run(1), count: 2 }], signal);
  await clock.pass(0);
  assert.deepEqual([...machine.instances.keys()], [`${id}-2`, `${id}-4`]);
  assert.deepEqual(outcomes(), ['done run 1', 'done run 1']);
});

test('a replacement that is not carried out stops nothing', async () => {
  const { lanes, clock, machine, router, outcomes, signal } = world();
  lanes.start('web', [run(1)], signal);
  await clock.pass(0);
  router.drain = () => Promise.reject(new RouterError('unreachable', 'gone', { retryable: true }));
  lanes.start('web', [replace(1, `${revisionOf(1).id}-1`)], signal);
  await clock.pass(1_000);
  assert.equal(machine.instances.size, 2);
  assert.deepEqual(outcomes(), ['done run 1']);
  lanes.start('web', [stop(1)], signal);
  router.drain = () => Promise.resolve();
  await clock.pass(1_000);
  assert.deepEqual(outcomes(), ['done run 1', 'done stop 1']);
  assert.equal(machine.instances.size, 0);
});

test('the newest traffic wins: a way back does not wait behind a way forth', async () => {
  const { lanes, clock, router, outcomes, signal } = world();
  router.plan({ kind: 'slow', durationMs: 60_000 });
  lanes.start('web', [route(2)], signal);
  await clock.pass(100);
  lanes.start('web', [route(1)], signal);
  await clock.pass(0);
  assert.deepEqual(outcomes(), ['done route 1']);
  assert.equal(router.table?.routes[0]?.backends[0]?.revisionId, revisionOf(1).id);
});

test('a superseded order of one service leaves the push of another alone', async () => {
  const { lanes, clock, router, outcomes, crashes, signal } = world();
  router.plan({ kind: 'slow', durationMs: 1_000 });
  lanes.start('api', [route(1, 'api')], signal);
  await clock.pass(10);
  // Both wait for the next table; the first of them gives up.
  lanes.start('web', [route(2)], signal);
  lanes.start('shop', [route(3, 'shop')], signal);
  await clock.pass(10);
  lanes.start('web', [route(1)], signal);
  await clock.pass(2_000);
  assert.deepEqual(crashes, []);
  assert.deepEqual(outcomes(), ['done route 1 of api', 'done route 3 of shop', 'done route 1']);
});

test('a stop waits until the traffic ordered with it is in force', async () => {
  const { lanes, clock, machine, router, outcomes, signal } = world();
  lanes.start('web', [run(1), run(2)], signal);
  await clock.pass(0);
  router.plan({ kind: 'fails' }, { kind: 'slow', durationMs: 500 });
  lanes.start('web', [route(1), stop(2)], signal);
  await clock.pass(599);
  assert.equal(machine.instances.size, 4);
  await clock.pass(1);
  assert.deepEqual(outcomes().slice(2), ['done route 1', 'done stop 2']);
  assert.equal(machine.instances.size, 2);
});

test('a stop waits for newer traffic, too, when that takes the place of the older', async () => {
  const { lanes, clock, machine, router, outcomes, signal } = world();
  lanes.start('web', [run(2)], signal);
  await clock.pass(0);
  router.plan({ kind: 'slow', durationMs: 60_000 }, { kind: 'slow', durationMs: 1_000 });
  lanes.start('web', [route(1), stop(2)], signal);
  await clock.pass(100);
  lanes.start('web', [route(3)], signal);
  await clock.pass(999);
  assert.equal(machine.instances.size, 2);
  await clock.pass(1);
  assert.deepEqual(outcomes(), ['done run 2', 'done route 3', 'done stop 2']);
});

test('requests under way finish before their instances are stopped', async () => {
  const clock = new HandClock();
  const memory = new MemoryRouter(clock);
  let drains = 0;
  const router: TrafficRouter = {
    apply: (...call) => memory.apply(...call),
    version: (...call) => memory.version(...call),
    drain: async (_revisionId, signal) => {
      drains += 1;
      if (drains === 1) throw new RouterError('unreachable', 'try again', { retryable: true });
      await clock.sleep(1_000, signal);
    },
  };
  const { lanes, machine, outcomes, signal } = world({ router, clock });
  lanes.start('web', [run(2)], signal);
  await clock.pass(0);
  lanes.start('web', [stop(2)], signal);
  await clock.pass(1_099);
  assert.equal(machine.instances.size, 2);
  await clock.pass(1);
  assert.deepEqual(outcomes(), ['done run 2', 'done stop 2']);
  assert.equal(machine.instances.size, 0);
});

test('a start does not wait behind a stop that waits for the router', async () => {
  const { lanes, clock, machine, router, outcomes, signal } = world();
  router.plan({ kind: 'slow', durationMs: 60_000 });
  lanes.start('web', [route(1), stop(2)], signal);
  await clock.pass(100);
  lanes.start('web', [run(2)], signal);
  await clock.pass(100);
  assert.deepEqual(outcomes(), ['done run 2']);
  assert.equal(machine.instances.size, 2);
});

test('nothing is stopped when the router refuses the traffic before it', async () => {
  const router: TrafficRouter = {
    version: () => Promise.resolve(null),
    drain: () => Promise.resolve(),
    apply: () => Promise.reject(new RouterError('refused', 'bad table', { retryable: false })),
  };
  const { lanes, clock, machine, reports, signal } = world({ router });
  lanes.start('web', [run(2)], signal);
  await clock.pass(0);
  lanes.start('web', [route(1), stop(2)], signal);
  await clock.pass(60_000);
  assert.equal(machine.instances.size, 2);
  const messages = reports.flatMap((each) => (each.kind === 'effect-failed' ? each.message : []));
  const why = `not stopped, because requests may still be sent to ${revisionOf(2).id}`;
  assert.deepEqual(messages, ['bad table', why]);
});

test('an abort ends every lane without a report', async () => {
  const abort = new AbortController();
  const { lanes, clock, machine, router, reports } = world();
  machine.script(revisionOf(1).id, { ensureFailures: Infinity });
  router.plan({ kind: 'slow', durationMs: 60_000 });
  lanes.start('web', [run(1), route(1), stop(2)], abort.signal);
  await clock.pass(150);
  abort.abort(new Error('shutdown'));
  await lanes.settled();
  assert.deepEqual(reports, []);
  assert.equal(clock.sleeping, 0);
});

test('a defect is handed over as one and not tried again', async () => {
  const platform = failingPlatform(() => {
    throw new TypeError('a bug');
  });
  const { lanes, clock, reports, crashes, crash, signal } = world({ platform });
  lanes.start('web', [run(1)], signal);
  await clock.pass(60_000);
  assert.deepEqual(reports, []);
  assert.deepEqual(crashes, ['TypeError: a bug']);
  assert.equal(crash.aborted, true);
});

function world(
  other: {
    readonly platform?: Platform;
    readonly router?: TrafficRouter;
    readonly clock?: HandClock;
    readonly standby?: StandbyChecker;
  } = {},
) {
  const clock = other.clock ?? new HandClock();
  const machine = new MemoryMachine();
  const router = new MemoryRouter(clock);
  const traffic = new Map<string, Traffic>();
  const leaving = new Set<string>();
  const instances: Instance[] = [];
  const build = () => ({ routes: routesOf(traffic.values(), instances, leaving) });
  const reports: EffectOutcome[] = [];
  const crashes: string[] = [];
  const crash = new AbortController();
  const lanes = new EffectLanes({
    platform: other.platform ?? new MemoryPlatform({ clock, machine }),
    router: other.router ?? router,
    pusher: new TablePusher({ router: other.router ?? router, clock, build }),
    clock,
    standby: other.standby ?? null,
    traffic,
    leaving,
    report: (_service, outcome) => void reports.push(outcome),
    // As the loop does: a defect ends everything.
    crash: (error) => {
      crashes.push(String(error));
      crash.abort(error);
    },
  });
  const outcomes = () => reports.map(({ kind, key }) => `${kind.slice('effect-'.length)} ${key}`);
  const parts = { lanes, clock, machine, router, reports, outcomes, crashes, instances, leaving };
  return { ...parts, signal: crash.signal, crash: crash.signal };
}

function failingPlatform(ensure: Platform['ensure']): Platform {
  const platform = new MemoryPlatform({ clock: new HandClock(), machine: new MemoryMachine() });
  return {
    ensure: async (...call) => ensure(...call),
    replace: (...call) => platform.replace(...call),
    stop: (...call) => platform.stop(...call),
    observe: (...call) => platform.observe(...call),
    logs: (...call) => platform.logs(...call),
  };
}

function run(number: number): Extract<Effect, { kind: 'ensure-instances' }> {
  const revision = revisionOf(number);
  return { kind: 'ensure-instances', key: `run ${number}`, revision, count: 2 };
}

function stop(number: number): Effect {
  return { kind: 'stop-instances', key: `stop ${number}`, revision: revisionOf(number) };
}

function checks(number: number): Effect {
  const plan = blueGreenOf('1');
  const at = { host: 'web.localhost', revision: revisionOf(number), plan };
  return { kind: 'check-standby', key: `check ${number}`, ...at };
}

/** Needs a second for each table. */
function slowRouter(clock: HandClock): TrafficRouter {
  const router = new MemoryRouter(clock);
  return {
    apply: async (table, signal) => {
      await clock.sleep(1_000, signal);
      await router.apply(table, signal);
    },
    drain: (id, signal) => router.drain(id, signal),
    version: (signal) => router.version(signal),
  };
}

function replace(number: number, instanceId: string): Effect {
  const key = `replace ${number}`;
  return { kind: 'replace-instance', key, revision: revisionOf(number), count: 2, instanceId };
}

function route(number: number, service = 'web'): Effect {
  const shares = [{ revisionId: revisionOf(number).id, weightPercent: 100 }];
  const key = `route ${number}${service === 'web' ? '' : ` of ${service}`}`;
  const host = `${service}.localhost`;
  const rest = { requestTimeoutMs: 1_000, match: null, matchRevisionId: null };
  return { kind: 'set-traffic', key, traffic: { service, host, shares, ...rest } };
}
