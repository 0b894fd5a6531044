import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HealthDocument } from './health-document.ts';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

function parse(health: string) {
  const text = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: shop }
spec:
  run: { command: [node] }
  health: ${health}
`;
  return parseReleaseFiles([{ path: 'shop.yaml', text }]);
}

function healthOf(text: string): HealthDocument | undefined {
  const { problems, services } = parse(text);
  assert.deepEqual(problems.map(formatProblem), []);
  return services[0]?.health;
}

const plain = {
  readyPath: '/readyz',
  livePath: null,
  stopGraceMs: 30_000,
  startTimeoutMs: 30_000,
};
const second = { initialDelayMs: 0, periodMs: 1000, timeoutMs: 1000, successThreshold: 1 };
const tcp = { handler: { kind: 'tcp' } } as const;

const read: readonly (readonly [string, HealthDocument])[] = [
  ['{}', plain],
  ['{ ready: /up }', { ...plain, readyPath: '/up' }],
  // One content, one revision, however it is written.
  ['{ ready: { http: /up } }', { ...plain, readyPath: '/up' }],
  ['{ live: /livez }', { ...plain, livePath: '/livez' }],
  ['{ live: { http: /livez } }', { ...plain, livePath: '/livez' }],
  [
    '{ ready: { tcp: true } }',
    { ...plain, probes: { readiness: { ...tcp, ...second, failureThreshold: 2 } } },
  ],
  [
    '{ live: { exec: [./check, -q], period: 10s } }',
    {
      ...plain,
      probes: {
        liveness: {
          handler: { kind: 'exec', command: ['./check', '-q'] },
          ...second,
          periodMs: 10_000,
          failureThreshold: 3,
        },
      },
    },
  ],
  [
    '{ ready: { http: /up, initialDelay: 2s, timeout: 250ms, successThreshold: 2, failureThreshold: 5 } }',
    {
      ...plain,
      readyPath: '/up',
      probes: {
        readiness: {
          handler: { kind: 'http', path: '/up' },
          initialDelayMs: 2_000,
          periodMs: 1_000,
          timeoutMs: 250,
          successThreshold: 2,
          failureThreshold: 5,
        },
      },
    },
  ],
  // The time to be ready in follows from the startup probe where it is not said.
  [
    '{ startup: { tcp: true, period: 10s, initialDelay: 5s } }',
    {
      ...plain,
      startTimeoutMs: 315_000,
      probes: {
        startup: {
          ...tcp,
          ...second,
          initialDelayMs: 5_000,
          periodMs: 10_000,
          failureThreshold: 30,
        },
      },
    },
  ],
  [
    '{ startup: { tcp: true, failureThreshold: 5 }, startTimeout: 5s }',
    {
      ...plain,
      startTimeoutMs: 5_000,
      probes: { startup: { ...tcp, ...second, failureThreshold: 5 } },
    },
  ],
];
for (const [text, health] of read) {
  test(`health: ${text} is read`, () => assert.deepEqual(healthOf(text), health));
}

const refused: readonly (readonly [string, RegExp])[] = [
  ['{ ready: {} }', /6:20: "ready" must have exactly one of http, tcp, exec; it has none/],
  ['{ ready: { http: /a, tcp: true } }', /exactly one of http, tcp, exec; it has http and tcp/],
  ['{ ready: { tcp: false } }', /"tcp" must be true, not false/],
  ['{ ready: { exec: [] } }', /"exec" must have at least one item/],
  ['{ ready: { exec: [""] } }', /must name the program to start/],
  ['{ ready: { tcp: true, period: 50ms } }', /"period" must be 100ms to 1h, not "50ms"/],
  ['{ ready: { tcp: true, timeout: 30 } }', /did you mean "30s"/],
  ['{ live: { tcp: true, successThreshold: 2 } }', /"successThreshold" must be 1 to 1, not 2/],
  ['{ ready: { tcp: true, failureThreshold: 0 } }', /must be 1 to 1000, not 0/],
  ['{ ready: { tcp: true, periods: 1s } }', /unknown key "periods".*did you mean "period"/],
  ['{ ready: readyz }', /did you mean "\/readyz"/],
  [
    '{ startup: { tcp: true }, startTimeout: 20s }',
    /"startTimeout" is 20s, shorter than "startup" may take \(30s\)/,
  ],
];
for (const [text, wanted] of refused) {
  test(`health: ${text} is refused`, () => {
    const { problems } = parse(text);
    assert.match(problems.map(formatProblem).join('\n'), wanted);
    assert.equal(problems.length, 1);
  });
}
