import assert from 'node:assert/strict';
import test from 'node:test';
import { pathOf, placeOf, problemAt } from './document-origin.ts';
import { exampleFile as good } from './example-file.ts';
import { parseReleaseFiles, problemCountMax } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';
import { unknownDependencies } from './service-conflicts.ts';
import { toScale } from './scale-document.ts';

/** Places and messages of one file, without the drawing of the line. */
function problemsOf(text: string): string[] {
  const { services, problems } = parseReleaseFiles([{ path: 'f', text }]);
  assert.equal(services.length > 0, problems.length === 0, 'either services or problems');
  return problems.map((problem) => formatProblem(problem).split('\n')[0]?.slice('f:'.length) ?? '');
}

test('a good file is parsed with every quantity in house units', () => {
  const { services, problems } = parseReleaseFiles([{ path: 'shop.yaml', text: good }]);
  assert.deepEqual(problems, []);
  const step = { match: null, atLeastMs: 0, gated: true, wait: { kind: 'none' } };
  assert.deepEqual(services, [
    {
      name: 'checkout',
      labels: { team: 'shop' },
      annotations: {},
      run: { command: ['node', 'server.js'], env: { GREETING: 'hello' }, workingDirectory: '.' },
      port: 8080,
      health: {
        readyPath: '/readyz',
        livePath: '/livez',
        stopGraceMs: 30_000,
        startTimeoutMs: 30_000,
      },
      dependsOn: ['payments'],
      scale: toScale({ min: 3, max: 10 }, { resources: undefined, path: '/metrics' }),
      traffic: { host: 'checkout.localhost', requestTimeoutMs: 2000 },
      objectives: [
        { kind: 'success', name: 'availability', ratioMin: 0.99 },
        { kind: 'latency', name: 'latency', quantile: 0.95, limitMs: 500 },
      ],
      rollout: {
        steps: [
          { ...step, weightPercent: 1 },
          { ...step, weightPercent: 5 },
          { ...step, weightPercent: 25 },
          { ...step, weightPercent: 50 },
          { ...step, weightPercent: 100, gated: false },
        ],
        gate: {
          falseRollbackRatio: 0.001,
          falsePromotionRatio: 0.01,
          worseByRatio: 0.0025,
          soakMs: 30_000,
          atMostMs: 600_000,
        },
        bakeMs: 300_000,
      },
    },
  ]);
});

const least = (name: string) =>
  `apiVersion: tidegate.dev/v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {run: {command: [node]}}\n`;

test('what is not written has its default', () => {
  const [service] = parseReleaseFiles([{ path: 'f', text: least('web') }]).services;
  assert.deepEqual(service, {
    name: 'web',
    labels: {},
    annotations: {},
    run: { command: ['node'], env: {}, workingDirectory: '.' },
    port: null,
    health: { readyPath: '/readyz', livePath: null, stopGraceMs: 30_000, startTimeoutMs: 30_000 },
    dependsOn: [],
    scale: { min: 1, max: null },
    traffic: { host: 'web.localhost', requestTimeoutMs: 15_000 },
    objectives: [],
    rollout: parseReleaseFiles([{ path: 'f', text: good }]).services[0]?.rollout,
  });
});

test('several documents, JSON, aliases, carriage returns and a byte order mark are read', () => {
  const names = (text: string) =>
    parseReleaseFiles([{ path: 'f', text }]).services.map((service) => service.name);
  assert.deepEqual(names(`---\n${least('a')}---\n# nothing\n---\n${least('b')}---\n`), ['a', 'b']);
  assert.deepEqual(names(`\uFEFF${least('a').replaceAll('\n', '\r\n')}`), ['a']);
  const written = {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Service',
    metadata: { name: 'json' },
    spec: { run: { command: ['a'] } },
  };
  assert.deepEqual(names(JSON.stringify(written, null, '\t')), ['json']);
  const shared = good.replace('{ GREETING: hello }', '{ A: &a hello, B: *a }');
  const [service] = parseReleaseFiles([{ path: 'f', text: shared }]).services;
  assert.deepEqual(service?.run.env, { A: 'hello', B: 'hello' });
});

test('a step can be an object, and 100% is added where it is missing', () => {
  const steps = `[{ weight: 0.1%, match: { header: X-Canary, value: "true" }, atLeast: 10s }, { weight: 5 %, gate: false, pause: 30s }, { weight: 50%, approval: true }]`;
  const text = good.replace('[1%, 5%, 25%, 50%, 100%]', steps);
  const [service] = parseReleaseFiles([{ path: 'f', text }]).services;
  const none = { kind: 'none' };
  assert.deepEqual(service?.rollout.steps, [
    {
      weightPercent: 0.1,
      match: { name: 'x-canary', value: 'true' },
      atLeastMs: 10_000,
      gated: true,
      wait: none,
    },
    {
      weightPercent: 5,
      match: null,
      atLeastMs: 0,
      gated: false,
      wait: { kind: 'pause', durationMs: 30_000 },
    },
    { weightPercent: 50, match: null, atLeastMs: 0, gated: true, wait: { kind: 'approval' } },
    { weightPercent: 100, match: null, atLeastMs: 0, gated: false, wait: none },
  ]);
});

test('what a gate says of latency, incidents and replacements is kept as written', () => {
  const gate =
    'gate: { latency: on, slowerBy: 20%, warmUp: 5s, incident: 2s, replaceWithin: 30s, onTimeLimit: widen, beforeAfter: hold }';
  const text = good.replace(/gate: \{.*\}/, gate);
  const [service] = parseReleaseFiles([{ path: 'f', text }]).services;
  assert.deepEqual(service?.rollout.gate, {
    falseRollbackRatio: 0.001,
    falsePromotionRatio: 0.01,
    worseByRatio: 0.0025,
    soakMs: 30_000,
    atMostMs: 600_000,
    latency: 'on',
    slowerByRatio: 0.2,
    warmUpMs: 5000,
    incidentMs: 2000,
    replaceWithinMs: 30_000,
    onTimeLimit: 'widen',
    beforeAfter: 'hold',
  });
  assert.match(
    problemsOf(text.replace('latency: on', 'latency: maybe'))[0] ?? '',
    /auto, on or off/,
  );
});

test('limits hold on both sides', () => {
  const padded = (sizeBytes: number) => `${good}#${'é'.repeat((sizeBytes - good.length - 1) / 2)}`;
  const mebibyte = 1_048_576;
  const evenBytes = mebibyte - ((mebibyte - good.length - 1) % 2);
  assert.deepEqual(problemsOf(padded(evenBytes)), []);
  assert.deepEqual(problemsOf(padded(evenBytes + 2)), [
    '1:1: the file is larger than 1 MiB; split it into several files',
  ]);
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.match(problemsOf(nested(48))[0] ?? '', /a document must be a mapping/);
  assert.match(problemsOf(nested(51))[0] ?? '', /nested more than 50 levels deep/);
  const env = (count: number) =>
    Array.from({ length: count }, (_, index) => `A${index}: x`).join(', ');
  assert.deepEqual(problemsOf(good.replace('GREETING: hello', env(1000))), []);
  assert.match(problemsOf(`[${'a, '.repeat(17_000)}]`)[0] ?? '', /more than 50000 tokens/);
});

test('an alias bomb is refused where it passes the limit', () => {
  const nine = (name: string) => Array.from({ length: 9 }, () => name).join(', ');
  const levels = Array.from(
    { length: 30 },
    (_, index) => `a${index + 1}: &a${index + 1} [${nine(`*a${index}`)}]`,
  );
  const bomb = `a0: &a0 [${nine('x')}]\n${levels.join('\n')}\n`;
  assert.deepEqual(problemsOf(bomb), [
    '5:15: the document holds more than 10000 values with its aliases expanded',
  ]);
});

test('many problems are cut with a count of the rest', () => {
  const text = `${good}${Array.from({ length: 30 }, (_, index) => `key${index}: 1\n`).join('')}`;
  const found = problemsOf(text);
  assert.equal(found.length, problemCountMax + 1);
  assert.equal(found.at(-1), '39:1: 10 more problems from here on');
});

test('one name or one host for two services is refused, over files too, with both places', () => {
  const first = { path: 'a.yaml', text: least('web') };
  const twin = { path: 'b.yaml', text: least('web') };
  const found = parseReleaseFiles([first, twin]);
  assert.deepEqual(found.services, []);
  assert.deepEqual(found.problems.map(formatProblem), [
    'b.yaml:3:18: service "web" is declared twice, first at a.yaml:3:18\n  metadata: {name: web}\n                   ^',
  ]);
  const guest = good.replace('checkout.localhost', 'web.localhost');
  const hosts = parseReleaseFiles([first, { path: 'c.yaml', text: guest }]);
  assert.deepEqual(
    hosts.problems.map((problem) => formatProblem(problem).split('\n')[0]),
    ['c.yaml:10:20: host "web.localhost" of service "checkout" is the host of "web" at a.yaml:4:1'],
  );
});

test('a good file is not taken beside a bad one', () => {
  const files = [
    { path: 'good', text: good },
    { path: 'bad', text: '' },
  ];
  const { services, problems } = parseReleaseFiles(files);
  assert.deepEqual([services.length, problems.map((problem) => problem.path)], [0, ['bad']]);
});

test('the caller can place its own problems, and learns what is not in the set', () => {
  const { services } = parseReleaseFiles([{ path: 'f', text: good }]);
  const [unknown] = unknownDependencies(services);
  assert.ok(unknown !== undefined);
  assert.equal(unknown.name, 'payments');
  const problem = problemAt(unknown.service, unknown.keyPath, 'no service "payments"');
  assert.equal(
    formatProblem(problem),
    'f:8:15: no service "payments"\n    dependsOn: [payments]\n                ^',
  );
  assert.equal(placeOf(unknown.service, ['spec', 'run', 'workingDirectory']), 'f:5:3');
  assert.equal(pathOf(unknown.service), 'f');
  assert.throws(() => pathOf({ ...unknown.service }), /is not from parseReleaseFiles/);
  const both = parseReleaseFiles([
    { path: 'f', text: good },
    { path: 'g', text: least('payments') },
  ]);
  assert.deepEqual(unknownDependencies(both.services), []);
});
