import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  MetricSelection,
  SeriesSelector,
} from '../domain/traffic/samples/metric-selection.ts';
import type { Endpoint } from '../domain/traffic/routing/route-table.ts';
import { type InstanceMetrics, InstanceMetricsError } from './instance-metrics.ts';

/** Totals of one instance: a pair of counters, and a histogram with limits of 0.1 s and 1 s. */
export interface Published {
  readonly bad: number;
  readonly total: number;
  /** Events of up to 0.1 s, up to 1 s, and in all. */
  readonly histogram: readonly [number, number, number];
}

/** One instance that publishes, and how it is asked for. */
export interface InstanceUnderTest extends AsyncDisposable {
  readonly metrics: InstanceMetrics;
  readonly endpoint: Endpoint;
  readonly pair: MetricSelection;
  readonly histogram: MetricSelection;
  /** Null: nothing of it, as before the first event. */
  publish(published: Published | null): void;
  readonly gauge: SeriesSelector;
  /** A value of now, beside nothing else; null: it is not published. */
  show(value: number | null): void;
  /** From now on nobody answers. */
  leave(): Promise<void>;
}

/** What every reader of instances' metrics holds to; see instance-metrics.ts. */
export function testInstanceMetrics(name: string, make: () => Promise<InstanceUnderTest>): void {
  const signal = AbortSignal.timeout(600_000);
  const from = (subject: InstanceUnderTest) => ({ endpoint: subject.endpoint, path: '/metrics' });

  test(`${name}: totals are read as published, in the order asked for`, async () => {
    await using subject = await make();
    const { pair, histogram } = subject;
    subject.publish({ bad: 3, total: 40, histogram: [5, 9, 12] });
    const readings = await subject.metrics.read(from(subject), [histogram, pair], signal);
    assert.deepEqual(readings, [
      {
        kind: 'histogram',
        buckets: [
          { upperSeconds: 0.1, count: 5 },
          { upperSeconds: 1, count: 9 },
          { upperSeconds: Infinity, count: 12 },
        ],
      },
      { kind: 'counter', bad: 3, total: 40 },
    ]);
  });

  test(`${name}: what is not published is 0`, async () => {
    await using subject = await make();
    subject.publish(null);
    const wanted = [subject.pair, subject.histogram];
    assert.deepEqual(await subject.metrics.read(from(subject), wanted, signal), [
      { kind: 'counter', bad: 0, total: 0 },
      { kind: 'histogram', buckets: [] },
    ]);
  });

  test(`${name}: a metric that can't be is unusable, and the others are read`, async () => {
    await using subject = await make();
    for (const bad of [-1, Number.NaN, 0.5, Infinity]) {
      subject.publish({ bad, total: 40, histogram: [5, 9, 12] });
      const wanted = [subject.pair, subject.histogram];
      const [pair, histogram] = await subject.metrics.read(from(subject), wanted, signal);
      assert.ok(pair?.kind === 'unusable', `${bad}`);
      assert.match(pair.sentence, /no count of events/);
      assert.equal(histogram?.kind, 'histogram');
    }
  });

  test(`${name}: a value of now is read where it is published and can be`, async () => {
    await using subject = await make();
    const { metrics, gauge } = subject;
    const rows: readonly (readonly [number | null, number | null])[] = [
      [12.5, 12.5],
      [0, 0],
      [null, null],
      [-1, null],
      [Number.NaN, null],
      [Infinity, null],
    ];
    for (const [value, want] of rows) {
      subject.show(value);
      assert.deepEqual(await metrics.readGauges(from(subject), [gauge], signal), [want]);
    }
  });

  test(`${name}: an instance that does not answer is an error`, async () => {
    await using subject = await make();
    await subject.leave();
    await assert.rejects(
      subject.metrics.read(from(subject), [subject.pair], signal),
      (error) => error instanceof InstanceMetricsError && error.code === 'unreachable',
    );
  });

  test(`${name}: an aborted signal is heeded`, async () => {
    await using subject = await make();
    const reason = new Error('enough');
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(subject.metrics.read(from(subject), [subject.pair], aborted), reason);
  });
}
