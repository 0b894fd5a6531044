import assert from 'node:assert/strict';
import { test } from 'node:test';
import { totalCount, type TrafficSample } from '../domain/traffic/samples/traffic-sample.ts';
import type { MetricsSource } from './metrics-source.ts';

/** A source with traffic of service `contract`: r1 answers 200, r2 answers 500. */
export interface SourceUnderTest extends AsyncDisposable {
  readonly source: MetricsSource;
  /** Sends `requests` at 50:50 and resolves when they have ended. */
  send(requests: number): Promise<void>;
}

/** What every metrics source holds to; see metrics-source.ts. */
export function testMetricsSource(name: string, make: () => Promise<SourceUnderTest>): void {
  test(`${name}: each request is in one sample, by revision and status class`, async () => {
    await using subject = await make();
    const samples: TrafficSample[] = [];
    using _subscription = subject.source.subscribe((sample) => samples.push(sample));
    for (const requests of [10, 20, 30]) await subject.send(requests);
    await until(() => total(samples) >= 60);
    await subject.send(2);
    await until(() => total(samples) >= 62);
    assert.equal(total(samples), 62);
    const failures = samples.reduce((sum, sample) => sum + totalCount(sample, 'r2').failures, 0);
    assert.equal(failures, 31);
    const healthy = samples.reduce((sum, sample) => sum + totalCount(sample, 'r1').failures, 0);
    assert.equal(healthy, 0);
  });

  test(`${name}: samples come in time order and their histograms hold each request once`, async () => {
    await using subject = await make();
    const samples: TrafficSample[] = [];
    using _subscription = subject.source.subscribe((sample) => samples.push(sample));
    for (let round = 0; round < 5; round += 1) await subject.send(4);
    await until(() => total(samples) >= 20);
    for (const [index, sample] of samples.entries()) {
      assert.equal(sample.service, 'contract');
      assert.ok(sample.atMs >= (samples[index - 1]?.atMs ?? 0));
      for (const { byStatusClass, latency } of sample.counts) {
        const requests = byStatusClass.reduce((sum, ended) => sum + ended, 0);
        assert.equal(
          latency.reduce((sum, [, count]) => sum + count, 0),
          requests,
        );
        assert.ok(requests > 0);
      }
    }
  });

  test(`${name}: a disposed listener hears nothing more, others do`, async () => {
    await using subject = await make();
    const mine: TrafficSample[] = [];
    const others: TrafficSample[] = [];
    const subscription = subject.source.subscribe((sample) => mine.push(sample));
    using _other = subject.source.subscribe((sample) => others.push(sample));
    await subject.send(4);
    await until(() => total(others) >= 4);
    subscription[Symbol.dispose]();
    await subject.send(4);
    await until(() => total(others) >= 8);
    assert.equal(total(mine), 4);
  });
}

function total(samples: readonly TrafficSample[]): number {
  return samples
    .flatMap((sample) => sample.counts.flatMap((count) => count.byStatusClass))
    .reduce((sum, ended) => sum + ended, 0);
}

async function until(condition: () => boolean): Promise<void> {
  const boundMs = performance.now() + 60_000;
  while (!condition()) {
    assert.ok(performance.now() < boundMs, 'the condition did not come true within 60 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
