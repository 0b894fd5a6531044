import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

/** `scale:` stands in line 6, `resources:` in line 5. */
function read(scale: string, resources = '') {
  const text = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: web }
spec:
  run: { command: [node]${resources === '' ? '' : `, resources: ${resources}`} }
  scale: ${scale}
`;
  const { services, problems } = parseReleaseFiles([{ path: 'f', text }]);
  return { service: services[0], problems: problems.map(formatProblem) };
}

const usualUp = {
  stabilizationWindowMs: 0,
  selectPolicy: 'max',
  policies: [
    { kind: 'percent', value: 100, periodMs: 15_000 },
    { kind: 'instances', value: 4, periodMs: 15_000 },
  ],
};
const usualDown = {
  stabilizationWindowMs: 300_000,
  selectPolicy: 'max',
  policies: [{ kind: 'percent', value: 100, periodMs: 15_000 }],
};
const usual = { scaleUp: usualUp, scaleDown: usualDown };
const cpu = { metric: 'cpu', perInstance: 0.7 };
const memory = { metric: 'memory', perInstance: 0.75 };
const requests = { metric: 'requestsPerSecond', perInstance: 1000 };
const requested = '{ requests: { cpu: 500m, memory: 256Mi } }';

const good: readonly (readonly [string, string, string, unknown])[] = [
  ['a fixed number', '{ min: 4 }', '', { min: 4, max: null }],
  ['a most that is the least', '{ min: 4, max: 4 }', '', { min: 4, max: 4 }],
  [
    'room to grow: the usual metrics',
    '{ min: 3, max: 10 }',
    '',
    { min: 3, max: 10, load: { targets: [cpu, requests], behavior: usual } },
  ],
  [
    'memory counts where it is known what all of it is',
    '{ max: 5 }',
    requested,
    { min: 3, max: 5, load: { targets: [cpu, memory, requests], behavior: usual } },
  ],
  [
    'only a metric: 3 to 10',
    '{ on: { cpu: 50% } }',
    '',
    { min: 3, max: 10, load: { targets: [{ ...cpu, perInstance: 0.5 }], behavior: usual } },
  ],
  [
    'only a metric and a least above the usual most',
    '{ min: 12, on: { requestsPerSecond: 0.5 } }',
    '',
    {
      min: 12,
      max: 12,
      load: { targets: [{ ...requests, perInstance: 0.5 }], behavior: usual },
    },
  ],
  [
    'a metric of its own',
    '{ min: 1, max: 4, on: { metrics: [{ name: queue, gauge: "jobs_waiting{of=\\"mail\\"}", average: 30 }] } }',
    '',
    {
      min: 1,
      max: 4,
      load: {
        targets: [
          {
            metric: 'queue',
            perInstance: 30,
            gauge: { path: '/metrics', series: { name: 'jobs_waiting', labels: { of: 'mail' } } },
          },
        ],
        behavior: usual,
      },
    },
  ],
  [
    'requests under way',
    '{ min: 1, max: 12, on: { concurrency: 100 } }',
    '',
    { min: 1, max: 12, concurrency: 100 },
  ],
  [
    'to zero',
    '{ min: 0, on: { concurrency: 5 }, window: 20s, toZero: { retentionPeriod: 0s, wakeTimeout: 2m, waitingRequests: 7 } }',
    '',
    {
      min: 0,
      max: 10,
      concurrency: 5,
      windowMs: 20_000,
      toZero: { retentionMs: 0, wakeTimeoutMs: 120_000, waitingRequestsMax: 7 },
    },
  ],
  [
    'to zero as usual',
    '{ min: 0, max: 4, on: { concurrency: 5 } }',
    '',
    { min: 0, max: 4, concurrency: 5, toZero: {} },
  ],
  [
    'how fast',
    '{ min: 1, max: 2, on: { memory: 80% }, behavior: { scaleUp: { stabilizationWindow: 30s, selectPolicy: min, policies: [{ type: instances, value: 2, period: 1m }] }, scaleDown: { selectPolicy: disabled } } }',
    requested,
    {
      min: 1,
      max: 2,
      load: {
        targets: [{ ...memory, perInstance: 0.8 }],
        behavior: {
          scaleUp: {
            stabilizationWindowMs: 30_000,
            selectPolicy: 'min',
            policies: [{ kind: 'instances', value: 2, periodMs: 60_000 }],
          },
          scaleDown: { ...usualDown, selectPolicy: 'disabled' },
        },
      },
    },
  ],
];

for (const [name, scale, resources, want] of good) {
  test(`read: ${name}`, () => {
    const { service, problems } = read(scale, resources);
    assert.deepEqual(problems, []);
    assert.deepEqual(service?.scale, want);
  });
}

test('resources are cores and bytes', () => {
  const { service } = read('{ min: 1 }', '{ requests: { cpu: 1.5, memory: 1.5Gi } }');
  assert.deepEqual(service?.run.resources, {
    requests: { cpuCores: 1.5, memoryBytes: 1_610_612_736 },
  });
  const limited = read('{ min: 1 }', '{ limits: { cpu: 250m, memory: 64Mi } }').service;
  assert.deepEqual(limited?.run.resources, {
    requests: {},
    limits: { cpuCores: 0.25, memoryBytes: 67_108_864 },
  });
  assert.deepEqual(read('{ min: 1 }', '{ limits: {} }').service?.run.resources, { requests: {} });
  assert.equal('resources' in (read('{ min: 1 }').service?.run ?? {}), false);
});

const bad: readonly (readonly [string, string, string])[] = [
  ['{ min: 3, max: 2 }', '', 'f:6:25: "max" is 2, less than "min" (3)'],
  ['{ max: 1001 }', '', 'f:6:17: "max" must be 1 to 1000, not 1001'],
  ['{ on: {} }', '', 'f:6:16: "on" must have at least one of cpu, memory'],
  ['{ on: { cpu: 70 } }', '', 'did you mean "70%"?'],
  ['{ on: { cpu: 0% } }', '', 'f:6:23: "cpu" must be 1% to 1000%'],
  ['{ on: { requestsPerSecond: "9" } }', '', 'write 9 without quotes'],
  ['{ on: { cpus: 70% } }', '', 'unknown key "cpus"; did you mean "cpu"?'],
  ['{ on: { metrics: [] } }', '', '"metrics" must have at least one item'],
  [
    '{ on: { metrics: [{ name: cpu, gauge: a, average: 1 }] } }',
    '',
    '"cpu" is the name of another metric',
  ],
  ['{ on: { metrics: [{ name: a, gauge: "a{", average: 1 }] } }', '', 'must be a metric such as'],
  ['{ on: { metrics: [{ name: a, gauge: a, average: 0 }] } }', '', '"average" must be'],
  ['{ on: { concurrency: 0 } }', '', '"concurrency" must be 0.01 to 1000000, not 0'],
  ['{ on: { cpu: 70%, concurrency: 10 } }', '', "can't be followed together with cpu"],
  ['{ on: { concurrency: 10 }, behavior: {} }', '', 'is not for concurrency'],
  ['{ min: 0, on: { requestsPerSecond: 10 } }', '', 'f:6:17: "min" may be 0 only with "on: {'],
  ['{ min: 0, max: 4 }', '', 'nothing else starts an instance again; write 1'],
  ['{ min: 1, on: { concurrency: 10 }, toZero: {} }', '', '"toZero" is for "min: 0"'],
  ['{ on: { cpu: 70% }, window: 60s }', '', '"window" is of "on: { concurrency: ... }"'],
  ['{ on: { concurrency: 10 }, window: 5s }', '', '"window" must be 6s to 1h'],
  [
    '{ min: 0, on: { concurrency: 10 }, toZero: { wakeTimeout: 500ms } }',
    '',
    '"wakeTimeout" must be 1s to 10m',
  ],
  [
    '{ min: 0, on: { concurrency: 10 }, toZero: { waitingRequests: 0 } }',
    '',
    '"waitingRequests" must be 1 to 100000',
  ],
  ['{ on: { memory: 75% } }', '', '"run.resources.requests.memory" is not there'],
  ['{ behavior: { scaleUp: { stabilizationWindow: 30 } } }', '', 'did you mean "30s"?'],
  ['{ behavior: { scaleUp: { selectPolicy: Max } } }', '', 'did you mean "max"?'],
  ['{ behavior: { scaleUp: { policies: [] } } }', '', '"policies" must have at least one item'],
  [
    '{ behavior: { scaleUp: { policies: [{ type: pods, value: 1, period: 15s }] } } }',
    '',
    'must be one of instances, percent, not "pods"',
  ],
  ['{ min: 1 }', '{ requests: { cpu: 500mm } }', 'f:5:57: '],
  ['{ min: 1 }', '{ requests: { cpu: 0.5m } }', 'must be cores such as 500m or 2'],
  ['{ min: 1 }', '{ requests: { memory: 256 } }', 'did you mean "256Mi"?'],
  ['{ min: 1 }', '{ requests: { memory: 256MB } }', 'did you mean "256Mi"?'],
  ['{ min: 1 }', '{ requests: { memory: 1Ki } }', 'must be 1Mi to 10Ti, not "1Ki"'],
  ['{ min: 1 }', '{ limits: { memory: 7Mi } }', 'must be 8Mi to 10Ti, not "7Mi"'],
  [
    '{ min: 1 }',
    '{ requests: { memory: 65Mi }, limits: { memory: 64Mi } }',
    'f:5:86: "memory" is less than "requests.memory"',
  ],
  ['{ min: 1 }', '{ requests: { cpu: 2 }, limits: { cpu: 1900m } }', 'less than "requests.cpu"'],
  ['{ min: 1 }', '{ request: {} }', 'did you mean "requests"?'],
];

for (const [scale, resources, want] of bad) {
  test(`refused: ${scale} ${resources}`, () => {
    const { problems } = read(scale, resources);
    assert.ok(problems.join('\n').includes(want), problems.join('\n'));
  });
}
