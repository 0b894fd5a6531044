import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ana, awaitedKey, firstRollout, instancesOf, play, specOf } from '../release.fixture.ts';
import type { Rollout } from '../service-state.ts';
import {
  alertText,
  faultNow,
  rateOf,
  telemetryFaultNow,
  watchBroken,
  watchCatchUp,
  watchRequests,
} from './telemetry-watch.ts';

const sinceMs = 10_000;

test('silence is a fault once 20 requests are missing, and after 3 s at the soonest', () => {
  const rows: readonly (readonly [string, number, number, boolean])[] = [
    ['80 requests/s, silent for 2.9 s', 80, 2_900, false],
    ['80 requests/s, silent for 3 s', 80, 3_000, true],
    ['1 request/s, silent for 19 s', 1, 19_000, false],
    ['1 request/s, silent for 21 s', 1, 21_000, true],
    ['one request in 10 s, silent for 2 min', 0.1, 120_000, false],
    ['one request in 10 s, silent for 4 min', 0.1, 240_000, true],
  ];
  for (const [name, perSecond, silentMs, want] of rows) {
    const { rollout, lastMs } = heard(perSecond);
    const fault = telemetryFaultNow(rollout, lastMs + silentMs);
    assert.equal(fault?.kind === 'silence', want, name);
    if (fault !== null) assert.match(fault.sentence, /^no request was seen for .* it had about /);
  }
});

test('the rate is right from the first seconds on', () => {
  for (const seconds of [2, 10, 60, 600]) {
    const { rollout } = heard(40, seconds);
    const rate = rateOf(rollout.telemetry ?? assert.fail());
    assert.ok(Math.abs(rate - 40) < 4, `${rate} after ${seconds} s`);
  }
});

test('an arm is silent when the other has had what should have brought it 20 requests', () => {
  const rows: readonly (readonly [string, number, number, number, string | null])[] = [
    ['candidate should have had 19', 0.1, 0, 171, null],
    ['candidate should have had 20', 0.1, 0, 181, 'candidate'],
    ['stable should have had 19', 0.5, 19, 0, null],
    ['stable should have had 21', 0.5, 21, 0, 'stable'],
  ];
  for (const [name, shareRatio, candidate, stable, want] of rows) {
    const { rollout, lastMs } = heard(20);
    const telemetry = watchRequests(rollout.telemetry, pair(candidate, stable), {
      atMs: lastMs,
      shareRatio,
    });
    const fault = telemetryFaultNow(withWatch(rollout, telemetry), lastMs);
    assert.equal(fault?.kind ?? null, want === null ? null : 'arm-silent', name);
    if (want !== null) assert.match(fault?.sentence ?? '', new RegExp(`no request to ${want}`));
  }
});

test('without a share nothing is missing, and one request ends what was', () => {
  const { rollout, lastMs } = heard(20);
  const parked = watchRequests(rollout.telemetry, pair(0, 5_000), {
    atMs: lastMs,
    shareRatio: null,
  });
  assert.equal(telemetryFaultNow(withWatch(rollout, parked), lastMs), null);
  const moment = { atMs: lastMs, shareRatio: 0.1 };
  const silent = watchRequests(rollout.telemetry, pair(0, 5_000), moment);
  assert.ok(telemetryFaultNow(withWatch(rollout, silent), lastMs) !== null);
  const again = watchRequests(silent, pair(1, 9), moment);
  assert.equal(telemetryFaultNow(withWatch(rollout, again), lastMs), null);
});

test('a sample that cannot be is a fault for 10 s, and counts that cannot be change no rate', () => {
  const { rollout, lastMs } = heard(20);
  const broken = watchBroken(rollout.telemetry, { atMs: lastMs, sentence: '9 of 8' });
  const at = (atMs: number) => telemetryFaultNow(withWatch(rollout, broken), atMs)?.kind;
  assert.equal(at(lastMs + 1_000), 'impossible');
  const { telemetry } = rollout;
  for (const requests of [Number.NaN, -5, 0, Infinity]) {
    const moment = { atMs: lastMs + 100, shareRatio: 0.1 };
    assert.equal(watchRequests(telemetry, pair(requests, 0), moment), telemetry);
    assert.equal(watchCatchUp(telemetry, { requests: -1, atMs: lastMs }), telemetry);
  }
});

test('a fault is noted at once, is an alert after 30 s, once, and is over when requests are seen', () => {
  const { rollout, lastMs } = heard(80);
  const first = faultNow(rollout, lastMs + 5_000);
  assert.equal(first.due, null);
  assert.equal(first.rollout.telemetry?.fault?.kind, 'silence');
  assert.equal(faultNow(first.rollout, lastMs + 34_900).due, null);
  const due = faultNow(first.rollout, lastMs + 35_000);
  assert.equal(due.due, 'alert');
  const fault = first.rollout.telemetry?.fault ?? assert.fail();
  const telemetry = first.rollout.telemetry ?? assert.fail();
  const alerted = {
    ...first.rollout,
    telemetry: { ...telemetry, fault: { ...fault, alert: 'x' } },
  };
  assert.equal(faultNow(alerted, lastMs + 90_000).due, null);
  const healed = watchCatchUp(alerted.telemetry, { requests: 9, atMs: lastMs + 91_000 });
  const over = faultNow(withWatch(alerted, healed), lastMs + 91_100);
  assert.equal(over.due, 'alert-over');
  assert.equal(over.rollout.telemetry?.fault, null);
});

test('an alert says what was missed, whether others are heard, and what to do', () => {
  const { rollout } = heard(80);
  const of = (isOthersHeard: boolean | null) =>
    alertText(rollout, { kind: 'silence', sentence: 'no request', isOthersHeard });
  assert.match(of(true), /^no request; other services are heard; .*"tidegate status"/);
  assert.match(of(false), /no other service is heard either/);
  assert.doesNotMatch(of(null), /other service/);
});

/** A canary at 10 % that has had this many requests each second for so long. */
function heard(perSecond: number, seconds = 120): { rollout: Rollout; lastMs: number } {
  const { state } = play([
    ...firstRollout(),
    { kind: 'apply', atMs: 9_000, spec: specOf(2), by: ana },
    { kind: 'instances', atMs: 9_500, revisions: [instancesOf(1), instancesOf(2)] },
  ]);
  const inForce = play(
    [{ kind: 'effect-done', atMs: sinceMs, key: awaitedKey(state) ?? '' }],
    state,
  );
  const rollout = inForce.state.rollout ?? assert.fail();
  let { telemetry } = rollout;
  const everyMs = Math.max(100, 1000 / perSecond);
  let lastMs = sinceMs;
  for (let atMs = sinceMs; atMs < sinceMs + 1000 * seconds; atMs += everyMs) {
    const requests = (perSecond * everyMs) / 1000;
    const counts = pair(requests / 10, requests - requests / 10);
    telemetry = watchRequests(telemetry, counts, { atMs, shareRatio: 0.1 });
    lastMs = atMs;
  }
  return { rollout: withWatch(rollout, telemetry), lastMs };
}

function withWatch(rollout: Rollout, telemetry: Rollout['telemetry']): Rollout {
  return telemetry === undefined ? rollout : { ...rollout, telemetry };
}

function pair(candidate: number, stable: number) {
  return {
    candidate: { requests: candidate, failures: 0 },
    stable: { requests: stable, failures: 0 },
  };
}
