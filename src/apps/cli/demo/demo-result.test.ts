import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { LoadResult } from '../../../domain/load/load-result.ts';
import { plainLook } from '../look.ts';
import { goodLedger, records, versions } from '../report/report.fixture.ts';
import { rolloutReports } from '../report/rollout-reports.ts';
import { acts } from './acts.ts';
import { type DemoFacts, demoReport, demoResult } from './demo-result.ts';
import { rolloutView } from './rollout-view.fixture.ts';
import { ShareSeries } from './share-series.ts';
import { summaryLines } from './summary-lines.ts';

const recorded = rolloutReports(records, versions);
const startedAtMs = recorded[0]?.startedAtMs ?? 0;

/** A second each of 800 requests; 7 fail while v3 is out, one of them after its end. */
function loadOf(change: Partial<LoadResult> = {}): LoadResult {
  const series = Array.from({ length: 25 }, (_, index) => ({
    atMs: startedAtMs + index * 1000,
    durationMs: 1000,
    requests: 800,
    errors: index === 21 ? 6 : index === 22 ? 1 : 0,
  }));
  const times = { p50Ms: 5, p95Ms: 20, p99Ms: 40, maxMs: 50 };
  return {
    targetRps: 800,
    achievedRps: 800,
    startedAtMs,
    durationMs: 25_000,
    scheduled: 20_000,
    requests: 20_000,
    dropped: 0,
    errors: 7,
    byStatus: { '200': 19_993, '502': 7 },
    byError: {},
    ...times,
    p999Ms: 45,
    service: times,
    sendLagP99Ms: 1,
    sendLagMaxMs: 2,
    cpuUsPerRequest: 100,
    valid: true,
    invalidBecause: [],
    series,
    ...change,
  };
}

function factsOf(change: Partial<DemoFacts> = {}): DemoFacts {
  const played = acts.slice(0, 2).map((act, index) => ({
    act,
    rolloutId: `checkout-${index + 2}`,
    view: rolloutView({
      totals: {
        candidate: { requests: 120, failures: index === 0 ? 0 : 6 },
        stable: { requests: 1080, failures: 0 },
      },
    }),
    series: new ShareSeries(),
    marks: [],
  }));
  return {
    played: played.map((each, index) =>
      index === 0 ? { ...each, view: { ...each.view, measuredSharePercent: 99.9 } } : each,
    ),
    recorded,
    load: loadOf(),
    ledger: goodLedger,
    survivors: [],
    commit: 'ef'.repeat(20),
    version: '0.1.0',
    generatedAt: '2026-01-02T03:05:00.000Z',
    ...change,
  };
}

function missed(facts: DemoFacts): string[] {
  return demoReport(facts)
    .criteria.filter((each) => !each.isMet)
    .map((each) => each.name);
}

test('result.json has exactly the shape that was agreed', () => {
  const result = demoResult(demoReport(factsOf()));
  assert.deepEqual(JSON.parse(JSON.stringify(result)), {
    rollouts: [
      {
        service: 'checkout',
        from: 'v1',
        to: 'v2',
        outcome: 'promoted',
        wantedSharePercent: 100,
        measuredSharePercent: 99.9,
        requests: 9600,
        failedRequests: 0,
        decidedInMs: 11_010,
        reason: 'promoted at 100 %',
        steps: [
          { wantedSharePercent: 10, measuredSharePercent: 10 },
          { wantedSharePercent: 50, measuredSharePercent: 50 },
          { wantedSharePercent: 100, measuredSharePercent: 100 },
        ],
      },
      {
        service: 'checkout',
        from: 'v2',
        to: 'v3',
        outcome: 'rolled-back',
        wantedSharePercent: 10,
        measuredSharePercent: 9.96,
        requests: 2400,
        failedRequests: 7,
        decidedInMs: 1500,
        reason: 'roll-back at 0 %',
      },
    ],
    load: {
      targetRps: 800,
      achievedRps: 800,
      requests: 20_000,
      errors: 7,
      p50Ms: 5,
      p95Ms: 20,
      p99Ms: 40,
      valid: true,
    },
    ledger: { entries: 14, verified: true },
    commit: 'ef'.repeat(20),
  });
});

test('a demo as it should be misses nothing', () => {
  assert.deepEqual(missed(factsOf()), []);
});

test('each thing that may go wrong is named', () => {
  const [first, second] = factsOf().played;
  assert.ok(first && second);
  const outcomes = 'Every release ends as it should';
  const lost = 'No request is lost, but those a bad candidate answered';
  const rows: [name: string, change: Partial<DemoFacts>, want: string[]][] = [
    ['a process left', { survivors: [4711] }, ['Nothing is left running']],
    [
      'another outcome',
      { played: [{ ...first, act: { ...first.act, expected: 'rolled-back' } }, second] },
      [outcomes],
    ],
    ['a rollout not in the ledger', { recorded: recorded.slice(0, 1) }, [lost, outcomes]],
    [
      'a ledger that does not verify',
      { ledger: { ...goodLedger, verified: false } },
      ['The ledger verifies offline'],
    ],
    ['a failure at another time', { load: loadOf({ errors: 8 }) }, [lost]],
  ];
  for (const [name, change, want] of rows) assert.deepEqual(missed(factsOf(change)), want, name);
});

test('a candidate is not blamed for more than it had', () => {
  // 6 failures were counted at the candidate, and at 10 % of 64 connections 7 more may have been under way.
  for (const [errors, want] of [
    [13, 0],
    [14, 1],
  ] as const) {
    const load = loadOf({ errors });
    const series = load.series.map((point, index) => ({
      ...point,
      errors: index === 21 ? errors : 0,
    }));
    const facts = factsOf({ load: { ...load, series } });
    assert.equal(missed(facts).length, want, String(errors));
  }
});

test('a load that was not valid is said clearly', () => {
  const invalidBecause = ['only 268.0 of 800 requests/s went out in time, below 99 %'];
  const facts = factsOf({ load: loadOf({ valid: false, invalidBecause }) });
  const text = summaryLines(demoReport(facts), plainLook).join('\n');
  assert.match(text, /NOT valid\n\s+only 268/);
  assert.match(text, /too busy or too slow/);
  assert.ok(!summaryLines(demoReport(factsOf()), plainLook).join('\n').includes('NOT valid'));
});

test('the summary is plain where only ASCII can be shown', () => {
  const lines = summaryLines(demoReport(factsOf()), plainLook);
  assert.ok(lines.every((line) => /^[\x20-\x7e]*$/.test(line)));
  assert.ok(
    lines.includes('checkout v2 -> v3  rolled back  10 %    9.96 %    2,400     7       1.5 s'),
  );
});
