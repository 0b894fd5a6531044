import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Revision } from '../domain/release/revision.ts';
import type { Instance, LogQuery, Platform } from './platform.ts';

/** One place where instances run, and the means to look at it in its own time. */
export interface PlatformHarness extends AsyncDisposable {
  /** A new object over the same place, as after a restart of the server. */
  open(): Promise<Platform & AsyncDisposable>;
  /** Every instance prints "started" to standard output first. */
  revision(behaviour: InstanceBehaviour): Revision;
  /** Lets time go by, real or virtual. */
  pass(durationMs: number): Promise<void>;
}

/** `crashing` ends with an exit code soon after each start; `slow-stopping` needs a while after SIGTERM. */
export type InstanceBehaviour = 'healthy' | 'never-ready' | 'crashing' | 'slow-stopping';

const POLL_MS = 20;
/** Real time may be a very slow machine's. */
const POLLS_MAX = 3_000;
const never = new AbortController().signal;

/** What every adapter of Platform must do. */
export function platformContract(name: string, openHarness: () => Promise<PlatformHarness>): void {
  const contract = (title: string, check: (harness: PlatformHarness) => Promise<void>): void => {
    test(title, async () => {
      await using harness = await openHarness();
      await check(harness);
    });
  };

  suite(`${name} keeps the contract of Platform`, () => {
    contract('ensure starts as many instances as asked, and they become ready', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('healthy');
      await platform.ensure(revision, 2, never);
      const instances = await eventually(harness, platform, allReady(2));
      assert.deepEqual(
        instances.map((instance) => instance.id),
        [`${revision.id}-1`, `${revision.id}-2`],
      );
      for (const instance of instances) {
        assert.equal(instance.service, revision.service);
        assert.equal(instance.revisionId, revision.id);
        assert.equal(instance.endpoint?.instanceId, instance.id);
        assert.equal(instance.restarts, 0);
        assert.equal(instance.reason, null);
      }
      assert.equal(new Set(instances.map((instance) => instance.endpoint?.port)).size, 2);
    });

    contract('ensure again, also at the same time, changes nothing', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('healthy');
      await Promise.all([platform.ensure(revision, 2, never), platform.ensure(revision, 2, never)]);
      const before = await eventually(harness, platform, allReady(2));
      await platform.ensure(revision, 2, never);
      assert.deepEqual(pids(await platform.observe(never)), pids(before));
    });

    contract('lowering the count stops the newest first', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('healthy');
      await platform.ensure(revision, 3, never);
      const before = await eventually(harness, platform, allReady(3));
      await inTime(harness, platform.ensure(revision, 1, never));
      const after = await platform.observe(never);
      assert.deepEqual(pids(after), pids(before).slice(0, 1));
    });

    contract(
      'replacing one instance leaves the others and starts one in its place',
      async (harness) => {
        await using platform = await harness.open();
        const revision = harness.revision('healthy');
        await platform.ensure(revision, 2, never);
        const [first, second] = await eventually(harness, platform, allReady(2));
        const wanted = { instanceId: first?.id ?? '', count: 2 };
        await inTime(harness, platform.replace(revision, wanted, never));
        const after = await eventually(harness, platform, allReady(2));
        const ids = [second?.id, `${revision.id}-3`];
        assert.deepEqual(
          after.map((instance) => instance.id),
          ids,
        );
        assert.equal(after[0]?.pid, second?.pid);
        // Again, as after a crash: that instance is gone already.
        await inTime(harness, platform.replace(revision, wanted, never));
        assert.deepEqual(pids(await platform.observe(never)), pids(after));
      },
    );

    contract('two that replace one instance at the same time start one', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('slow-stopping');
      await platform.ensure(revision, 2, never);
      const [first] = await eventually(harness, platform, allReady(2));
      const wanted = { instanceId: first?.id ?? '', count: 2 };
      const both = Promise.all([
        platform.replace(revision, wanted, never),
        platform.replace(revision, wanted, never),
      ]);
      await inTime(harness, both);
      const after = await platform.observe(never);
      assert.deepEqual(
        after.map((instance) => instance.id),
        [`${revision.id}-2`, `${revision.id}-3`],
      );
    });

    contract('replacing what is no instance of the revision stops nothing', async (harness) => {
      await using platform = await harness.open();
      const [revision, other] = [harness.revision('healthy'), harness.revision('healthy')];
      await platform.ensure(other, 1, never);
      const wanted = { instanceId: `${other.id}-1`, count: 1 };
      await inTime(harness, platform.replace(revision, wanted, never));
      const ids = (await platform.observe(never)).map((instance) => instance.id);
      assert.deepEqual(ids.toSorted(), [`${other.id}-1`, `${revision.id}-1`].toSorted());
    });

    contract('a number is never given twice', async (harness) => {
      const revision = harness.revision('healthy');
      {
        await using platform = await harness.open();
        await platform.ensure(revision, 1, never);
        await inTime(harness, platform.stop(revision, never));
      }
      await using platform = await harness.open();
      await platform.ensure(revision, 1, never);
      const instances = await platform.observe(never);
      assert.deepEqual(
        instances.map((instance) => instance.id),
        [`${revision.id}-2`],
      );
    });

    contract('stopping what is not there resolves', async (harness) => {
      await using platform = await harness.open();
      await platform.stop(harness.revision('healthy'), never);
      assert.deepEqual(await platform.observe(never), []);
    });

    contract('stop leaves none of the revision and all of the others', async (harness) => {
      await using platform = await harness.open();
      const [going, staying] = [harness.revision('healthy'), harness.revision('healthy')];
      await platform.ensure(going, 2, never);
      await platform.ensure(staying, 1, never);
      await inTime(harness, platform.stop(going, never));
      const left = await platform.observe(never);
      assert.deepEqual(
        left.map((instance) => instance.revisionId),
        [staying.id],
      );
    });

    contract('a stop shows while it lasts, and two share it', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('slow-stopping');
      await platform.ensure(revision, 1, never);
      await eventually(harness, platform, allReady(1));
      const stops = Promise.all([platform.stop(revision, never), platform.stop(revision, never)]);
      const [stopping] = await platform.observe(never);
      assert.equal(stopping?.state, 'stopping');
      await inTime(harness, stops);
      assert.deepEqual(await platform.observe(never), []);
    });

    contract('instances outlive the object and are found again', async (harness) => {
      const revision = harness.revision('healthy');
      let before: readonly Instance[];
      {
        await using platform = await harness.open();
        await platform.ensure(revision, 2, never);
        before = await eventually(harness, platform, allReady(2));
      }
      await using platform = await harness.open();
      const found = await platform.observe(never);
      assert.deepEqual(pids(found), pids(before));
      assert.deepEqual(
        found.map((instance) => instance.state),
        ['ready', 'ready'],
      );
      await platform.ensure(revision, 2, never);
      assert.deepEqual(pids(await platform.observe(never)), pids(before));
      await inTime(harness, platform.stop(revision, never));
    });

    contract(
      'a crashing instance is started again and its restarts are counted',
      async (harness) => {
        await using platform = await harness.open();
        await platform.ensure(harness.revision('crashing'), 1, never);
        const seen = new Set<string>();
        const [instance] = await eventually(harness, platform, ([only]) => {
          if (only !== undefined) seen.add(only.state);
          return only !== undefined && only.restarts >= 2 && seen.has('backing-off');
        });
        assert.match(instance?.reason ?? '', /^exited with code \d+ after \d+\.\d s/);
      },
    );

    contract('an instance that is never ready says so and is kept', async (harness) => {
      await using platform = await harness.open();
      await platform.ensure(harness.revision('never-ready'), 1, never);
      const [instance] = await eventually(
        harness,
        platform,
        // Before it listens, nobody answers.
        ([only]) => only !== undefined && only.state !== 'starting' && isAnswered(only),
      );
      assert.equal(instance?.state, 'unready');
      assert.match(instance.reason ?? '', /^not ready after [\d.]+ s: GET \/readyz answered 503$/);
      assert.equal(instance.restarts, 0);
    });

    contract('logs are readable while an instance runs and after it is gone', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('healthy');
      await platform.ensure(revision, 1, never);
      await eventually(harness, platform, allReady(1));
      const query = logQuery(revision);
      const lines = [{ instanceId: `${revision.id}-1`, stream: 'stdout', text: 'started' }];
      assert.deepEqual(await Array.fromAsync(platform.logs(query, never)), lines);
      await inTime(harness, platform.stop(revision, never));
      assert.deepEqual(await Array.fromAsync(platform.logs(query, never)), lines);
      const none = await Array.fromAsync(platform.logs({ ...query, tailLines: 0 }, never));
      assert.deepEqual(none, []);
      const other = { ...query, instanceId: `${revision.id}-9` };
      assert.deepEqual(await Array.fromAsync(platform.logs(other, never)), []);
    });

    contract('following logs sees a new instance, and ends with the signal', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('healthy');
      const controller = new AbortController();
      const texts: string[] = [];
      const reading = (async () => {
        const query = { ...logQuery(revision), follow: true };
        for await (const line of platform.logs(query, controller.signal)) {
          texts.push(line.text);
          controller.abort();
        }
      })();
      await platform.ensure(revision, 1, never);
      await inTime(harness, reading);
      assert.deepEqual(texts, ['started']);
    });

    contract('an aborted signal begins nothing', async (harness) => {
      await using platform = await harness.open();
      const revision = harness.revision('healthy');
      const aborted = AbortSignal.abort(new Error('enough'));
      await assert.rejects(platform.ensure(revision, 1, aborted), /enough/);
      await assert.rejects(platform.stop(revision, aborted), /enough/);
      const wanted = { instanceId: `${revision.id}-1`, count: 1 };
      await assert.rejects(platform.replace(revision, wanted, aborted), /enough/);
      await assert.rejects(platform.observe(aborted), /enough/);
      assert.deepEqual(await platform.observe(never), []);
    });
  });
}

/** Observes until the condition holds; fails with what was seen last. */
async function eventually(
  harness: PlatformHarness,
  platform: Platform,
  condition: (instances: readonly Instance[]) => boolean,
): Promise<readonly Instance[]> {
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    const instances = await platform.observe(never);
    if (condition(instances)) return instances;
    await harness.pass(POLL_MS);
  }
  const last = JSON.stringify(await platform.observe(never), null, 1);
  throw new assert.AssertionError({
    message: `not within ${POLLS_MAX * POLL_MS} ms; last seen: ${last}`,
  });
}

/** Lets time go by until the work is done. */
async function inTime(harness: PlatformHarness, work: Promise<unknown>): Promise<void> {
  const progress = { isDone: false };
  const watched = work.finally(() => {
    progress.isDone = true;
  });
  // Its failure is thrown below, by the last line.
  watched.catch(() => undefined);
  for (let poll = 0; poll < POLLS_MAX; poll += 1) {
    if (progress.isDone) break;
    await harness.pass(POLL_MS);
  }
  assert.ok(progress.isDone, `not done within ${POLLS_MAX * POLL_MS} ms`);
  await watched;
}

function allReady(count: number): (instances: readonly Instance[]) => boolean {
  return (instances) =>
    instances.length === count && instances.every((instance) => instance.state === 'ready');
}

function isAnswered(instance: Instance): boolean {
  return / answered \d+$/.test(instance.reason ?? '');
}

function pids(instances: readonly Instance[]): readonly (number | null)[] {
  return instances.map((instance) => instance.pid);
}

function logQuery(revision: Revision): LogQuery {
  return {
    service: revision.service,
    revisionId: revision.id,
    instanceId: null,
    tailLines: Infinity,
    follow: false,
  };
}
