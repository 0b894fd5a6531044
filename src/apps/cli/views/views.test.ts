import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fit, harmless, type Look, lookOf, paint, plainLook, widthOf, wrap } from '../look.ts';
import {
  event,
  instance,
  movingService,
  revision,
  rollout,
  serverStatus,
  startedAt,
  stableService,
} from '../wire-samples.fixture.ts';
import { inDependencyOrder } from './dependency-order.ts';
import { eventLine, logLine } from './event-line.ts';
import { failedThresholds, loadLines } from './load-lines.ts';
import { problemLines } from './problem-lines.ts';
import { serviceColumns } from './resource-table.ts';
import { serviceDescription } from './service-description.ts';
import { statusTree } from './status-tree.ts';
import { tableLines } from './table.ts';
import { verificationLines } from './verification-lines.ts';
import { type Share, shareText, weightBar } from './weight-bar.ts';
import { ageText, bytesText, durationText } from './words.ts';

const unicodeLook: Look = { ...plainLook, isUnicode: true };
const colorLook: Look = { ...unicodeLook, isColored: true };

const picture = {
  server: serverStatus,
  url: 'http://127.0.0.1:7480',
  services: [movingService('checkout'), stableService('payments', { dependsOn: ['checkout'] })],
};

test('the status tree shows server, services, shares and instances in plain ASCII', () => {
  assert.equal(
    statusTree(picture, plainLook).join('\n'),
    `\
Tidegate 0.1.0  http://127.0.0.1:7480  pid 4321  90 MiB
gateway http://127.0.0.1:7400  ledger 1,234 entries

> checkout  Progressing  step 2 of 3
| step 2 of 3 at 50 % (measured 40 %): 0 of 1,000 candidate requests failed
|- v1 (1111111111)  stable     [##########++........] 50 %, measured 60 %
|  \`- + checkout-1111111111-1  ready  port 41001  pid 1234  60 MiB
\`- v2 (2222222222)  candidate  [########--..........] 50 %, measured 40 %
   \`- x checkout-2222222222-1  backing-off  port 41001  60 MiB  restarts 2  exit code 1

+ payments  Stable  needs checkout
| stable
\`- v1 (1111111111)  stable  [####################] 100 %
   \`- + payments-1111111111-1  ready  port 41001  pid 1234  60 MiB`,
  );
});

test('the status tree uses finer signs when the screen can show them', () => {
  const lines = statusTree(picture, unicodeLook);
  assert.equal(
    lines.slice(3, 7).join('\n'),
    `\
▶ checkout  Progressing  step 2 of 3
│ step 2 of 3 at 50 % (measured 40 %): 0 of 1,000 candidate requests failed
├─ v1 (1111111111)  stable     ██████████▓▓········ 50 %, measured 60 %
│  └─ ✔ checkout-1111111111-1  ready  port 41001  pid 1234  60 MiB`,
  );
});

test('colours add nothing that is not there without them', () => {
  // oxlint-disable-next-line no-control-regex -- the codes are what is taken away
  const bare = statusTree(picture, colorLook).map((line) => line.replaceAll(/\u001B\[\d+m/g, ''));
  assert.deepEqual(bare, statusTree(picture, unicodeLook));
  assert.notDeepEqual(statusTree(picture, colorLook), bare);
});

test('an empty tree says what to do, and a gateway that is gone is named', () => {
  const gateway = { ...serverStatus.gateway, isReachable: false };
  const server = { ...serverStatus, gateway };
  assert.deepEqual(statusTree({ ...picture, server, services: [] }, plainLook).slice(1), [
    'gateway http://127.0.0.1:7400 (does not answer)  ledger 1,234 entries',
    '',
    'No service yet. Apply one: tidegate apply -f FILE',
  ]);
});

test('workers of the gateway are told, and those that are missing', () => {
  const lineOf = (serving: number, lost: number) => {
    const gateway = { ...serverStatus.gateway, workers: { wanted: 4, serving, lost } };
    return statusTree({ ...picture, server: { ...serverStatus, gateway } }, plainLook)[1];
  };
  const tail = '  ledger 1,234 entries';
  assert.equal(lineOf(4, 0), `gateway http://127.0.0.1:7400  4 workers${tail}`);
  assert.equal(lineOf(3, 2), `gateway http://127.0.0.1:7400  3 of 4 workers, 2 lost${tail}`);
});

test('instances of a revision that is leaving stay in the tree until they are gone', () => {
  const service = stableService('checkout');
  const old = instance(revision('checkout', 3), { state: 'stopping' });
  const status = { ...service.status, instances: [...service.status.instances, old] };
  const lines = statusTree({ ...picture, services: [{ ...service, status }] }, plainLook);
  assert.equal(lines.at(-2), '`- 3333333333  leaving');
  assert.match(lines.at(-1) ?? '', /^ {3}`- o checkout-3333333333-1 {2}stopping/);
});

test('a description has what is set, each step, and the evidence against its limits', () => {
  const service = movingService('checkout');
  const stables = [revision('checkout', 3), ...service.status.stables];
  const status = { ...service.status, stables };
  assert.equal(
    serviceDescription({ ...service, status }, plainLook)
      .slice(7)
      .join('\n'),
    `\
Host:             checkout.localhost
Needs:            nothing
Revision:         checkout v1 (1111111111)
Command:          node checkout.js
Instances:        1
Steps:            10 %, 50 %, 100 %, then 5 s of baking
Judged by:        falseRollback 0.1%, worseBy 0.25pp, incident 5s
Objective:        availability: success 99%
Request timeout:  2 s
Undo can go to:   checkout v3 (3333333333)

Newest rollout
Rollout:  checkout-2 (canary)
From:     checkout v1 (1111111111)
To:       checkout v2 (2222222222)
Phase:    judging
Started:  2026-11-20T10:00:00.000Z by ann: "faster search"

WEIGHT  MEASURED  CANDIDATE        STABLE             TOOK   WHY
10 %    9.8 %     0 of 240 failed  1 of 2,160 failed  3.5 s  not worse than +3 pp

Gate:              undecided: 0 of 1,000 candidate requests failed
Evidence against:  0.75 of 1,000, most by errors
Evidence for:      12.3 of 20
Failures:          between -0.2 and +0.4 pp
p95:               candidate 12 ms, stable 11 ms

METRIC  CANDIDATE          STABLE             DIFFERENCE (95 %)  EVIDENCE       BUDGET
errors  0 of 1,000 failed  2 of 9,000 failed  -0.2 to +0.4 pp    0.75 of 1,670  60 %`,
  );
});

const barRows: readonly [Share, string][] = [
  [{ kind: 'whole', wantedPercent: 100 }, '[####################] 100 %'],
  [{ kind: 'whole', wantedPercent: 0 }, '[....................] 0 %'],
  [
    { kind: 'split', wantedPercent: 10, measuredPercent: null },
    '[--..................] 10 %, nothing measured yet',
  ],
  [
    { kind: 'split', wantedPercent: 0.1, measuredPercent: 0.1 },
    '[#...................] 0.1 %, measured 0.1 %',
  ],
  [
    { kind: 'split', wantedPercent: 99.9, measuredPercent: 100 },
    '[###################+] 99.9 %, measured 100 %',
  ],
  [
    { kind: 'split', wantedPercent: 0, measuredPercent: 25 },
    '[+++++...............] 0 %, measured 25 %',
  ],
];

test('a weight bar sets the wanted share against the measured one', () => {
  for (const [share, want] of barRows) {
    assert.equal(`${weightBar(plainLook, share)} ${shareText(share)}`, want);
  }
});

test('columns are as wide as their widest cell, painted or not', () => {
  const cell = paint(colorLook, 'green', 'ok');
  const table = {
    heads: ['A', 'STATE', 'C'],
    rows: [
      ['long name', cell, 'x'],
      ['b', 'bad', ''],
    ],
  };
  assert.deepEqual(tableLines(table, false), [
    'A          STATE  C',
    `long name  ${cell}     x`,
    'b          bad',
  ]);
  assert.deepEqual(tableLines(table, true)[1], 'b          bad');
});

test('a service row shows the candidate only while its rollout is under way', () => {
  const place = { look: plainLook, nowMs: 0 };
  assert.deepEqual(serviceColumns.cells(movingService('a'), place).slice(2), [
    'v1 (1111111111)',
    'v2 (2222222222)',
    '50 %',
    '1/2',
  ]);
  const over = movingService('a', { phase: 'rolled-back', endedAt: startedAt });
  assert.deepEqual(serviceColumns.cells(over, place).slice(3, 5), ['-', '-']);
});

test('services come after what they need, also when names are unknown or in a circle', () => {
  const names = (services: readonly { metadata: { name: string } }[]) =>
    services.map(({ metadata }) => metadata.name);
  const of = (name: string, ...dependsOn: string[]) => stableService(name, { dependsOn });
  const rows = [
    { given: [of('web', 'checkout'), of('checkout', 'pay'), of('pay')], want: 'pay checkout web' },
    { given: [of('b'), of('a'), of('c', 'gone')], want: 'a b c' },
    { given: [of('a', 'b'), of('b', 'a'), of('c')], want: 'c a b' },
  ];
  for (const { given, want } of rows) {
    assert.equal(names(inDependencyOrder(given)).join(' '), want);
  }
});

test('events and log lines are one line each, without control characters of others', () => {
  const sly = { ...event(7, 'checkout'), sentence: 'a\u001B[2Jb\nc' };
  assert.equal(
    eventLine(sly, plainLook),
    '7  10:00:00.000  checkout  decision  a [2Jb c (by ann: "faster search")',
  );
  const line = { instanceId: 'a-1', stream: 'stdout' as const, text: 'hello' };
  assert.equal(logLine(line, { isPrefixed: true, look: plainLook }), '[a-1] hello');
  assert.equal(logLine(line, { isPrefixed: false, look: plainLook }), 'hello');
  assert.equal(harmless('tab\there'), 'tab here');
});

test('a problem shows its line with the mark under the column, and no line when there is none', () => {
  const problem = { path: '/w/a.yaml', line: 12, column: 3, message: 'bad', hint: null };
  const place = { look: unicodeLook, workingFolder: '/w' };
  assert.deepEqual(problemLines([{ ...problem, sourceLine: '\tx: 1' }], place), [
    'a.yaml:12:3: error: bad',
    '  12 │  x: 1',
    '     │   ^',
  ]);
  const elsewhere = { ...problem, path: '/other/b.yaml', sourceLine: '', hint: 'do this' };
  assert.deepEqual(problemLines([elsewhere, elsewhere], place), [
    '/other/b.yaml:12:3: error: bad',
    '  help: do this',
    '',
    '/other/b.yaml:12:3: error: bad',
    '  help: do this',
  ]);
});

test('a verification says whether it holds, what is wrong, and what is proven', () => {
  const good = {
    entries: 1234,
    valid: true,
    firstProblem: null,
    keyIds: ['k'],
    headLeafHash: 'h',
    proves: 'Proven: all.',
  };
  assert.deepEqual(verificationLines(good, plainLook), [
    'verified: 1,234 entries',
    '  head: h',
    '  keys: k',
    '  Proven: all.',
  ]);
  const bad = { ...good, valid: false, firstProblem: { index: 3, what: 'the chain breaks' } };
  assert.deepEqual(verificationLines(bad, unicodeLook).slice(0, 2), [
    '✖ not verified: 1,234 entries',
    '  entry 3: the chain breaks',
  ]);
});

const figures = {
  targetRps: 800,
  achievedRps: 799.6,
  requests: 8000,
  errors: 80,
  dropped: 0,
  byStatus: { '200': 7920, '503': 78 },
  byError: { reset: 2 },
  p50Ms: 1.234,
  p95Ms: 5,
  p99Ms: 20,
  maxMs: 101.04,
  sendLagP99Ms: 0.5,
  valid: false,
  invalidBecause: ['the generator was late'],
};

test('a load result is six lines and then what is wrong with it', () => {
  assert.deepEqual(loadLines(figures, ['too slow'], plainLook), [
    'Rate:      800 of 800 requests/s',
    'Requests:  8,000, dropped 0',
    'Failed:    80 (1 %)',
    'Answers:   200: 7,920, 503: 78, reset: 2',
    'Latency:   p50 1.23 ms, p95 5 ms, p99 20 ms, max 101 ms',
    'Send lag:  p99 0.5 ms',
    'Invalid: the generator was late',
    'Threshold failed: too slow',
  ]);
});

test('a threshold fails above its limit and not at it', () => {
  const none = { errorRatioMax: null, p99MsMax: null };
  assert.deepEqual(failedThresholds(figures, none), []);
  assert.deepEqual(failedThresholds(figures, { errorRatioMax: 0.01, p99MsMax: 20 }), []);
  assert.equal(failedThresholds(figures, { errorRatioMax: 0.0099, p99MsMax: 19.9 }).length, 2);
  const nothing = { ...figures, requests: 0, errors: 0 };
  assert.equal(failedThresholds(nothing, { ...none, errorRatioMax: 0.5 }).length, 1);
});

test('ages, durations and sizes change their unit at the limit', () => {
  const age = (seconds: number) => ageText(startedAt, Date.parse(startedAt) + seconds * 1000);
  const ages = [-5, 0, 119, 120, 130, 599, 600, 10_799, 10_800, 172_799, 172_800].map(age);
  assert.deepEqual(ages, [
    '0s',
    '0s',
    '119s',
    '2m',
    '2m10s',
    '9m59s',
    '10m',
    '179m',
    '3h',
    '47h',
    '2d',
  ]);
  const durations = [0, 999, 1000, 59_900, 60_000, 250_000, 3_600_000, 7_500_000].map(durationText);
  assert.deepEqual(durations, [
    '0 ms',
    '999 ms',
    '1 s',
    '59.9 s',
    '1 min',
    '4 min 10 s',
    '1 h',
    '2 h 5 min',
  ]);
  const sizes = [0, 1023, 1024, 1024 ** 2, 1.5 * 1024 ** 3].map(bytesText);
  assert.deepEqual(sizes, ['0 B', '1023 B', '1 KiB', '1 MiB', '1.5 GiB']);
});

const lookRows: readonly [Readonly<Record<string, string>>, boolean, boolean][] = [
  [{}, true, true],
  [{}, false, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ TERM: 'dumb' }, true, false],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
];

test('colour is for terminals that want it, unless it is forced', () => {
  for (const [env, isTTY, want] of lookRows) {
    assert.equal(lookOf({ isTTY }, env, false).isColored, want, JSON.stringify([env, isTTY]));
    assert.equal(lookOf({ isTTY }, env, true).isColored, false);
  }
  assert.equal(lookOf({ isTTY: true }, { TERM: 'dumb' }, false).isInteractive, false);
  assert.equal(lookOf({}, { LANG: 'C.UTF-8' }, false).isUnicode, true);
  assert.equal(lookOf({}, { LC_ALL: 'C', LANG: 'C.UTF-8' }, false).isUnicode, false);
});

test('a line is cut to a terminal and never elsewhere', () => {
  const narrow: Look = { ...unicodeLook, isInteractive: true, columns: 10 };
  assert.equal(fit(narrow, '0123456789'), '0123456789');
  assert.equal(fit(narrow, '01234567890'), '012345678…');
  assert.equal(fit({ ...narrow, isUnicode: false }, '01234567890'), '0123456...');
  assert.equal(fit(plainLook, 'x'.repeat(500)).length, 500);
  assert.equal(widthOf(paint(colorLook, 'red', 'abc')), 3);
});

test('a sentence is broken at spaces on a terminal, so that it can be read whole', () => {
  const narrow: Look = { ...plainLook, isInteractive: true, columns: 30 };
  const text = 'step 2 of 3 at 50 %: 0 of 1,000 candidate requests failed';
  assert.deepEqual(wrap(narrow, text, 2), [
    'step 2 of 3 at 50 %: 0 of',
    '1,000 candidate requests',
    'failed',
  ]);
  assert.deepEqual(wrap(narrow, 'x'.repeat(40), 2), ['x'.repeat(40)]);
  assert.deepEqual(wrap(plainLook, text, 2), [text]);
});

test('a parked candidate and an alert are seen in get, status, describe and the events', () => {
  const sentence = 'no request was seen for 33 s';
  const alert = { severity: 'warning', since: startedAt, sentence } as const;
  const parked = movingService('checkout', { phase: 'parked', wantedSharePercent: 0.1, alert });
  const service = { ...parked, status: { ...parked.status, phase: 'Parked' } } as const;
  const row = serviceColumns.cells(service, { look: plainLook, nowMs: Date.parse(startedAt) });
  assert.deepEqual([row[1], row[4]], ['Parked', '0.1 %']);
  assert.match(
    statusTree({ ...picture, services: [service] }, plainLook)[3] ?? '',
    /^% checkout +Parked/,
  );
  const described = serviceDescription(service, plainLook).join('\n');
  assert.match(described, /Phase: +parked/);
  assert.match(described, /Alert \(warning\): +no request was seen for 33 s/);
  const warning = { ...event(7, 'checkout'), severity: 'warning' } as const;
  assert.notEqual(eventLine(warning, colorLook), eventLine(event(7, 'checkout'), colorLook));
  assert.equal(eventLine(warning, plainLook), eventLine(event(7, 'checkout'), plainLook));
});

test('the rollout of a description names why it ended', () => {
  const cause = { kind: 'gate', sentence: '9 of 20 requests failed', at: startedAt };
  const service = movingService(
    'a',
    rollout('a', { phase: 'rolled-back', cause, endedAt: startedAt }),
  );
  const lines = serviceDescription(service, plainLook);
  assert.ok(lines.includes('Cause:    9 of 20 requests failed'), lines.join('\n'));
});

test('where no stable is beside the candidate nothing is said of their difference', () => {
  const says = (phase: 'judging' | 'baking' | 'promoted'): boolean =>
    serviceDescription(movingService('a', { phase }), plainLook).some((line) =>
      line.startsWith('Failures:'),
    );
  assert.deepEqual([says('judging'), says('baking'), says('promoted')], [true, false, false]);
});

test('what a service applied last is set, and said to be rolled back where it was', () => {
  const rolledBack = movingService('a', { phase: 'rolled-back' });
  const revisionLine = (
    phase: 'rolled-back' | 'judging',
    to = rolledBack.spec.revision,
  ): string => {
    const service = movingService('a', { phase, to });
    return (
      serviceDescription(service, plainLook).find((line) => line.startsWith('Revision:')) ?? ''
    );
  };
  assert.match(revisionLine('rolled-back'), /, rolled back$/);
  assert.doesNotMatch(revisionLine('judging'), /rolled back/);
  assert.doesNotMatch(revisionLine('rolled-back', revision('a', 2)), /rolled back/);
});

test('the table of metrics calls what is bad by its name, and what was not judged by none', () => {
  const { gate } = rollout('a');
  const [errors] = gate?.metrics ?? [];
  assert.ok(gate !== null && errors !== undefined);
  const none = { requests: 0, failures: 0 };
  const rows = [
    [errors, /0 of 1,000 failed +2 of 9,000 failed/],
    [{ ...errors, metric: 'declined' }, /0 of 1,000 bad +2 of 9,000 bad/],
    [{ ...errors, metric: 'queries', kind: 'histogram' }, /0 of 1,000 slow/],
    [{ ...errors, kind: 'objective' }, /^errors \(at 100 %\) +0 of 1,000 failed/],
    [{ ...errors, metric: 'availability', kind: 'objective' }, /\(objective\) +0 of 1,000 failed/],
    [{ ...errors, metric: 'latency', slowFromMs: 40 }, /0 of 1,000 over 40 ms/],
    [{ ...errors, candidate: none, stable: null }, /^errors +- +- +-0\.2 to/],
  ] as const;
  for (const [metric, says] of rows) {
    const service = movingService('a', { gate: { ...gate, metrics: [metric] } });
    assert.match(serviceDescription(service, plainLook).at(-1) ?? '', says);
  }
});

test("the gate of a description shows the service's own metrics and what is no evidence", () => {
  const { gate } = rollout('a');
  assert.ok(gate !== null);
  const [errors] = gate.metrics;
  assert.ok(errors !== undefined);
  const trouble = 'a-2-0: GET /metrics answered 404\u001b[0m';
  const metrics = [{ ...errors, metric: 'queries', trouble }];
  const setAside = { retry: 1200, sameClient: 0, tooManyClients: 3 };
  const service = movingService('a', { gate: { ...gate, metrics, setAside } });
  const lines = serviceDescription(service, plainLook);
  const aside = lines.find((line) => line.startsWith('No evidence:')) ?? '';
  assert.match(aside, / 1,200 retries, 3 requests of clients beyond those that can be kept apart$/);
  const mute = lines.find((line) => line.startsWith('Metric queries:')) ?? '';
  assert.match(mute, /not known: a-2-0: GET/);
  assert.ok(!mute.includes('\u001b'));
});
