import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExposition } from '../../../adapters/prometheus-text/exposition-text.ts';
import { method } from '../http1/methods.ts';
import { Histogram } from './histogram.ts';
import { mergeMetrics } from './merge-metrics.ts';
import type { MetricFamily, ProcessMetrics } from './metric-family.ts';
import { parseOpenMetrics } from './openmetrics.fixture.ts';
import { renderMetrics } from './render-metrics.ts';
import { type EndedRequest, RequestMetrics } from './request-metrics.ts';
import { wantedFormat } from './wanted-format.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';

function ended(change: Partial<EndedRequest> = {}): EndedRequest {
  return {
    method: method.get,
    isSecure: false,
    status: 200,
    error: null,
    durationMs: 3,
    requestBodyBytes: 0,
    responseBodyBytes: 5,
    traceId: null,
    endedAtMs: 1_700_000_000_000,
    ...change,
  };
}

const duration = 'http_server_request_duration_seconds';

test('requests are counted by method, class of status and error, in the buckets of OpenTelemetry', () => {
  const metrics = new RequestMetrics();
  const revision = metrics.revision('shop', 'r1');
  revision.record(ended({ traceId: Buffer.from(`${traceId}-more`) }));
  revision.record(ended({ durationMs: 5 }));
  revision.record(ended({ durationMs: 5.001 }));
  revision.record(ended({ durationMs: 20_000, method: method.other, status: 599 }));
  revision.record(ended({ status: 502, error: 'reset' }));
  revision.record(ended({ status: 0, error: 'caller-gone' }));
  metrics.unrouted.record(ended({ status: 404, error: 'unknown-host', isSecure: true }));
  const families = parseOpenMetrics(renderMetrics(metrics.families(), 'openmetrics'));
  const found = families.get(duration);
  assert.equal(found?.unit, 'seconds');
  const counts = found.samples
    .filter(({ name }) => name.endsWith('_count'))
    .map(({ labels, value }) => [...Object.values(labels), value].join(' '));
  assert.deepEqual(counts, [
    'shop r1 http _OTHER 5xx 1',
    'shop r1 http GET 2xx 3',
    'shop r1 http GET 5xx reset 1',
    'shop r1 http GET caller-gone 1',
    'https GET 4xx unknown-host 1',
  ]);
  const ok = found.samples.filter(
    ({ name, labels }) => name.endsWith('_bucket') && labels['http_response_status_code'] === '2xx',
  );
  assert.deepEqual(
    ok.map(({ labels, value }) => [labels['le'], value]),
    [
      '0.005 2',
      '0.01 3',
      '0.025 3',
      '0.05 3',
      '0.075 3',
      '0.1 3',
      '0.25 3',
      '0.5 3',
      '0.75 3',
      '1.0 3',
    ]
      .concat(['2.5 3', '5.0 3', '7.5 3', '10.0 3', '+Inf 3'])
      .map((row) => row.split(' '))
      .map(([le, value]) => [le, Number(value)]),
  );
  assert.deepEqual(ok[0]?.exemplar, { labels: { trace_id: traceId }, value: 0.003 });
});

test('the older format says the same without exemplars, and is read by a strict reader', () => {
  const metrics = new RequestMetrics();
  metrics.revision('a"b\\c\nd', 'r1').record(ended({ traceId: Buffer.from(traceId) }));
  const text = renderMetrics(metrics.families(), 'text');
  assert.ok(!text.includes('# {') && !text.includes('EOF') && !text.includes('UNIT'));
  const exposition = parseExposition(text, () => true);
  assert.ok(!('fault' in exposition), 'fault' in exposition ? exposition.fault : '');
  assert.equal(exposition.types.get(duration), 'histogram');
  assert.equal(exposition.types.get('tidegate_gateway_metric_overflows_total'), 'counter');
  assert.equal(exposition.samples[0]?.labels.get('tidegate_service'), 'a"b\\c\nd');
});

test('revisions beyond the limit are counted as one, and that is counted', () => {
  const metrics = new RequestMetrics();
  for (let number = 1; number <= 502; number += 1) {
    metrics.revision('shop', `r${number}`).record(ended());
  }
  const families = parseOpenMetrics(renderMetrics(metrics.families(), 'openmetrics'));
  const revisions = families.get(duration)?.samples.filter(({ name }) => name.endsWith('_count'));
  assert.equal(revisions?.length, 501);
  assert.deepEqual(
    [revisions.at(-1)?.labels['tidegate_revision'], revisions.at(-1)?.value],
    ['other', 2],
  );
  assert.equal(families.get('tidegate_gateway_metric_overflows')?.samples[0]?.value, 2);
});

test('what nobody speaks of any more is forgotten, the rest stays', () => {
  const metrics = new RequestMetrics();
  const [kept, gone] = [metrics.revision('shop', 'r1'), metrics.revision('shop', 'r2')];
  kept.record(ended());
  gone.record(ended());
  metrics.retain(new Set([kept]));
  const text = renderMetrics(metrics.families(), 'text');
  assert.ok(text.includes('"r1"') && !text.includes('"r2"'));
  assert.equal(metrics.revision('shop', 'r1'), kept);
});

test('an exemplar is kept for a second at least, so that most requests copy nothing', () => {
  const histogram = new Histogram([1]);
  const ids = ['a', 'b', 'c'].map((digit) => digit.repeat(32));
  for (const [index, atMs] of [10_000, 10_999, 11_000].entries()) {
    histogram.exemplify(histogram.add(0.5), 0.5, atMs, Buffer.from(ids[index] ?? ''));
    const [exemplar, none] = histogram.point({}).exemplars ?? [];
    assert.deepEqual([exemplar?.traceId, none], [ids[index === 2 ? 2 : 0], null]);
  }
});

function processOf(worker: string, count: number, atMs: number): ProcessMetrics {
  const exemplars = [{ traceId: worker.repeat(32), value: 0.5, atMs }, null];
  const families: readonly MetricFamily[] = [
    {
      kind: 'counter',
      merge: 'sum',
      name: 'seen',
      help: 'h',
      points: [{ labels: { a: '', b: 'x' }, value: count }],
    },
    {
      kind: 'gauge',
      merge: 'max',
      name: 'version',
      help: 'h',
      points: [{ labels: {}, value: count }],
    },
    {
      kind: 'gauge',
      merge: 'each',
      name: 'own_bytes',
      help: 'h',
      points: [{ labels: {}, value: count }],
    },
    {
      kind: 'histogram',
      merge: 'sum',
      name: 'took_seconds',
      help: 'h',
      bounds: [1],
      points: [{ labels: {}, counts: [count, 1], sum: 2 * count, exemplars }],
    },
  ];
  return { worker, families };
}

test('what several processes say becomes one by what each family asks for', () => {
  // As it comes from another process.
  const sent = [processOf('1', 2, 5), processOf('2', 3, 4)].map(
    (each) => JSON.parse(JSON.stringify(each)) as ProcessMetrics,
  );
  const families = parseOpenMetrics(renderMetrics(mergeMetrics(sent), 'openmetrics'));
  const samples = (name: string) =>
    families.get(name)?.samples.map((each) => [each.name, each.labels, each.value]);
  assert.deepEqual(samples('seen'), [['seen_total', { b: 'x' }, 5]]);
  assert.deepEqual(samples('version'), [['version', {}, 3]]);
  assert.deepEqual(samples('own_bytes'), [
    ['own_bytes', { worker: '1' }, 2],
    ['own_bytes', { worker: '2' }, 3],
  ]);
  assert.deepEqual(samples('took_seconds'), [
    ['took_seconds_bucket', { le: '1.0' }, 5],
    ['took_seconds_bucket', { le: '+Inf' }, 7],
    ['took_seconds_sum', {}, 10],
    ['took_seconds_count', {}, 7],
  ]);
  const [bucket] = families.get('took_seconds')?.samples ?? [];
  assert.equal(bucket?.exemplar?.labels['trace_id'], '1'.repeat(32));
});

test('a family that two processes understand in different ways is taken from the first', () => {
  const other = processOf('2', 3, 4).families.map((family): MetricFamily => {
    if (family.kind === 'histogram') return { ...family, bounds: [2] };
    return { ...family, kind: family.kind === 'counter' ? 'gauge' : family.kind };
  });
  const families = mergeMetrics([processOf('1', 2, 5), { worker: '2', families: other }]);
  const text = renderMetrics(families, 'openmetrics');
  const found = parseOpenMetrics(text);
  assert.equal(found.get('seen')?.samples[0]?.value, 2);
  assert.equal(found.get('took_seconds')?.samples[0]?.value, 2);
});

const accepts: readonly (readonly [accept: string | undefined, wants: string])[] = [
  [undefined, 'text'],
  ['*/*', 'text'],
  ['text/plain', 'text'],
  ['application/openmetrics-text', 'openmetrics'],
  [
    'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  ['application/openmetrics-text; version=1.0.0; q=0.4, text/plain; q=0.5', 'text'],
  ['application/openmetrics-text;version=0.0.1', 'text'],
  ['application/openmetrics-text;version=1.0.0;q=0', 'text'],
  ['application/openmetrics-text;q=nonsense', 'text'],
];

for (const [accept, wants] of accepts) {
  test(`accept: ${accept} is answered with ${wants}`, () => {
    assert.equal(wantedFormat(accept), wants);
  });
}

const broken: readonly (readonly [what: string, from: string, to: string])[] = [
  ['no end', '# EOF\n', ''],
  ['a bucket that shrinks', 'le="+Inf"} 1', 'le="+Inf"} 0'],
  ['a count that is not the last bucket', `_count{tidegate_service="shop",`, `_count{x="y",`],
  [
    'a unit that the name has not',
    '# UNIT http_server_request_duration_seconds seconds',
    '# UNIT http_server_request_duration_seconds bytes',
  ],
  [
    'a family twice',
    '# TYPE http_server_request_body_size_bytes',
    '# TYPE http_server_request_duration_seconds',
  ],
  [
    'a counter without its suffix',
    'tidegate_gateway_metric_overflows_total ',
    'tidegate_gateway_metric_overflows ',
  ],
];

for (const [what, from, to] of broken) {
  test(`the reader of these tests refuses ${what}`, () => {
    const metrics = new RequestMetrics();
    metrics.revision('shop', 'r1').record(ended());
    const text = renderMetrics(metrics.families(), 'openmetrics');
    assert.ok(text.includes(from), from);
    parseOpenMetrics(text);
    assert.throws(() => parseOpenMetrics(text.replace(from, to)));
  });
}
