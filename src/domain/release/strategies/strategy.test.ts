import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blueGreenOf, reportOf } from './standby.fixture.ts';
import { judgeStandby, type StandbyReport } from './strategy.ts';

const plan = blueGreenOf('1');
const rows: readonly (readonly [report: string, kind: string, sentence: RegExp])[] = [
  ['pass', 'pass', /^warmed by 20 requests; home passed; 0 of 100 requests failed under load/],
  ['answers 500', 'fail', /^check home had 500 to GET \/, not 200, after 12 ms$/],
  ['answers 201', 'fail', /not 200/],
  ['no-answer', 'fail', /^check home had no answer to GET \/: other side closed$/],
  ['other-text', 'fail', /^check home had an answer to GET \/ without "hello"$/],
  // 2 % may fail.
  ['load 2/100 20ms', 'pass', /2 of 100 requests failed under load \(at most 2 % may\)/],
  ['load 3/100 20ms', 'fail', /3 of 100/],
  // 200 ms are allowed.
  ['load 0/100 200ms', 'pass', /p95 200 ms/],
  ['load 0/100 201ms', 'fail', /p95 201 ms, over the 200 ms allowed$/],
  ['load 0/0 0ms', 'undecided', /sent no request/],
  ['late', 'undecided', /the load was not what was wanted: only 61 %/],
  ['not-made', 'undecided', /^the checks could not be made: connect ECONNREFUSED/],
];

for (const [report, kind, sentence] of rows) {
  test(`a standby that shows "${report}" is judged ${kind}`, () => {
    const verdict = judgeStandby(plan, reportOf(report.split(' ')));
    assert.equal(verdict.kind, kind, verdict.sentence);
    assert.match(verdict.sentence, sentence);
  });
}

test('a load that failed too much fails the standby though the generator was late, and one that was slow does not', () => {
  const seen = reportOf(['load', '50/100', '900ms']);
  assert.equal(seen.kind, 'seen');
  const late = (failures: number): StandbyReport => ({
    ...seen,
    load: { requests: 100, failures, p95Ms: 900, invalidBecause: ['it was late'] },
  });
  assert.equal(judgeStandby(plan, late(50)).kind, 'fail');
  assert.equal(judgeStandby(plan, late(0)).kind, 'undecided');
});

test('a check that nobody made is not passed', () => {
  const report: StandbyReport = { kind: 'seen', warmUpAnswers: 20, checks: [], load: null };
  assert.deepEqual(judgeStandby(plan, report), {
    kind: 'fail',
    sentence: 'check home was not made',
  });
});

test('without checks nothing is asked for', () => {
  const report: StandbyReport = { kind: 'seen', warmUpAnswers: 0, checks: [], load: null };
  const verdict = judgeStandby(blueGreenOf('1-bare'), report);
  assert.deepEqual(verdict, { kind: 'pass', sentence: 'no check was asked for' });
});
