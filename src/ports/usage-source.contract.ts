import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InstanceUse, UsageSource } from './usage-source.ts';

/** Instances of which one works. */
export interface UsageUnderTest extends AsyncDisposable {
  readonly usage: UsageSource;
  /** Starts an instance whose child computes as fast as it can; resolves with its id. */
  startBusy(): Promise<string>;
  /** Starts one that waits for requests. */
  startIdle(): Promise<string>;
  stop(instanceId: string): Promise<void>;
  /** Lets some time pass. */
  pass(): Promise<void>;
}

/** What every source of instances' usage holds to; see usage-source.ts. */
export function testUsageSource(name: string, make: () => Promise<UsageUnderTest>): void {
  const signal = AbortSignal.timeout(120_000);
  const read = async (subject: UsageUnderTest, id: string): Promise<InstanceUse> => {
    const found = (await subject.usage.usage(signal)).find(({ instanceId }) => instanceId === id);
    assert.ok(found, `no reading of ${id}`);
    return found;
  };

  test(`${name}: CPU grows by what the instance and its children compute`, async () => {
    await using subject = await make();
    const [busy, idle] = [await subject.startBusy(), await subject.startIdle()];
    const first = await read(subject, busy);
    const idleFirst = await read(subject, idle);
    let last = first;
    for (let look = 0; look < 1000 && last.cpuSeconds - first.cpuSeconds < 0.5; look += 1) {
      await subject.pass();
      const next = await read(subject, busy);
      assert.ok(next.measuredAtMs >= last.measuredAtMs);
      assert.equal(next.startedAtMs, first.startedAtMs);
      last = next;
    }
    const grown = last.cpuSeconds - first.cpuSeconds;
    assert.ok(grown >= 0.5, `it computed for ${grown} s`);
    assert.ok((await read(subject, idle)).cpuSeconds - idleFirst.cpuSeconds < grown);
    assert.ok(last.memoryBytes > 0);
  });

  test(`${name}: who is gone has no reading`, async () => {
    await using subject = await make();
    const [gone, kept] = [await subject.startIdle(), await subject.startIdle()];
    await subject.stop(gone);
    const ids = (await subject.usage.usage(signal)).map(({ instanceId }) => instanceId);
    assert.deepEqual(ids, [kept]);
  });

  test(`${name}: an aborted look rejects with the reason`, async () => {
    await using subject = await make();
    const reason = new Error('stopped');
    await assert.rejects(subject.usage.usage(AbortSignal.abort(reason)), reason);
  });
}
