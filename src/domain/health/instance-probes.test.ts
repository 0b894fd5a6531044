import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  answerProbe,
  askProbe,
  beginProbes,
  dueProbes,
  type InstanceProbes,
  nextProbeAtMs,
  type ProbeSet,
  standingOf,
} from './instance-probes.ts';
import {
  pendingProbe,
  type ProbeName,
  type ProbeResult,
  type ProbeSpec,
  seeProbe,
} from './probe.ts';

const ok: ProbeResult = { kind: 'ok' };
const failed: ProbeResult = { kind: 'failed', text: 'GET /readyz answered 503' };
const unknown: ProbeResult = { kind: 'unknown', text: 'no descriptor left' };
const letters: Readonly<Record<string, ProbeResult>> = { o: ok, f: failed, u: unknown };

function spec(change: Partial<ProbeSpec> = {}): ProbeSpec {
  return {
    handler: { kind: 'http', path: '/readyz' },
    initialDelayMs: 0,
    periodMs: 1_000,
    timeoutMs: 1_000,
    successThreshold: 1,
    failureThreshold: 2,
    ...change,
  };
}

function resultsOf(word: string): readonly ProbeResult[] {
  return word.split('').map((letter) => letters[letter] ?? assert.fail(letter));
}

const thresholds = [
  { word: '', success: 1, failure: 1, verdict: 'pending' },
  { word: 'o', success: 1, failure: 3, verdict: 'passed' },
  { word: 'o', success: 2, failure: 3, verdict: 'pending' },
  { word: 'oo', success: 2, failure: 3, verdict: 'passed' },
  { word: 'ofo', success: 2, failure: 3, verdict: 'pending' },
  { word: 'off', success: 1, failure: 3, verdict: 'passed' },
  { word: 'offf', success: 1, failure: 3, verdict: 'failed' },
  { word: 'ofofof', success: 1, failure: 2, verdict: 'passed' },
  { word: 'fff', success: 1, failure: 3, verdict: 'failed' },
  { word: 'fffo', success: 1, failure: 3, verdict: 'passed' },
  { word: 'fffo', success: 2, failure: 3, verdict: 'failed' },
  { word: 'uuuuu', success: 1, failure: 1, verdict: 'pending' },
  { word: 'ouuuu', success: 1, failure: 1, verdict: 'passed' },
  { word: 'offuf', success: 1, failure: 3, verdict: 'failed' },
] as const;
for (const { word, success, failure, verdict } of thresholds) {
  test(`"${word}" with thresholds ${success} and ${failure} is ${verdict}`, () => {
    const probe = spec({ successThreshold: success, failureThreshold: failure });
    const state = resultsOf(word).reduce(
      (now, result) => seeProbe(now, result, probe),
      pendingProbe,
    );
    assert.equal(state.verdict, verdict);
  });
}

const plain: ProbeSet = {
  startup: null,
  readiness: { ...spec(), firstPeriodMs: 100 },
  liveness: spec({ failureThreshold: 3 }),
  startTimeoutMs: 30_000,
};
const withStartup: ProbeSet = { ...plain, startup: spec({ failureThreshold: 3 }) };
const fresh = { startedAtMs: 0, wasReady: false };

/** `r:of l:f` is two results of readiness, then one of liveness. */
function after(set: ProbeSet, script: string, wasReady = false): InstanceProbes {
  const names: Readonly<Record<string, ProbeName>> = {
    s: 'startup',
    r: 'readiness',
    l: 'liveness',
  };
  let probes = beginProbes(set, { startedAtMs: 0, wasReady });
  for (const part of script.split(' ').filter(Boolean)) {
    const [letter = '', word = ''] = part.split(':');
    const name = names[letter] ?? assert.fail(letter);
    for (const result of resultsOf(word)) probes = answerProbe(probes, set, { name, result });
  }
  return probes;
}

const standings = [
  { name: 'not ready yet', set: plain, script: 'r:fff', atMs: 29_999, state: 'starting' },
  { name: 'late', set: plain, script: 'r:f', atMs: 30_000, state: 'unready' },
  { name: 'ready late', set: plain, script: 'r:fo', atMs: 40_000, state: 'ready' },
  { name: 'one failure after readiness', set: plain, script: 'r:of', atMs: 1, state: 'ready' },
  { name: 'two of them', set: plain, script: 'r:off', atMs: 1, state: 'unready' },
  { name: 'two with a success between', set: plain, script: 'r:ofof', atMs: 1, state: 'ready' },
  { name: 'ready again', set: plain, script: 'r:offo', atMs: 1, state: 'ready' },
  { name: 'not alive twice', set: plain, script: 'r:o l:ff', atMs: 1, state: 'ready' },
  { name: 'not alive', set: plain, script: 'r:o l:fff', atMs: 1, state: 'ready', ends: true },
  { name: 'not started twice', set: withStartup, script: 's:ff', atMs: 1, state: 'starting' },
  {
    name: 'not started',
    set: withStartup,
    script: 's:fff',
    atMs: 1,
    state: 'starting',
    ends: true,
  },
  { name: 'started', set: withStartup, script: 's:ffo', atMs: 1, state: 'starting' },
  { name: 'started and ready', set: withStartup, script: 's:o r:o', atMs: 1, state: 'ready' },
] as const;
for (const { name, set, script, atMs, state, ...more } of standings) {
  test(`${name} (${script} at ${atMs} ms) is ${state}${'ends' in more ? ' and ends' : ''}`, () => {
    const standing = standingOf(after(set, script), set, atMs);
    assert.deepEqual([standing.state, standing.end !== null], [state, 'ends' in more]);
  });
}

test('the reason tells the start timeout, the last answer and how often', () => {
  const reason = (script: string, atMs: number) =>
    standingOf(after(plain, script), plain, atMs).reason;
  assert.equal(reason('r:f', 30_000), 'not ready after 30 s: GET /readyz answered 503');
  assert.equal(reason('r:f', 29_999), 'GET /readyz answered 503');
  assert.equal(reason('', 30_000), 'not ready after 30 s: no probe has ended');
  assert.equal(reason('r:of', 1), null);
  const end = (set: ProbeSet, script: string) => standingOf(after(set, script), set, 1).end;
  assert.equal(end(plain, 'r:o l:fff'), 'GET /readyz answered 503, 3 times in a row');
  assert.equal(end(withStartup, 's:fff'), 'GET /readyz answered 503, 3 times in a row (startup)');
});

const turns = [
  { name: 'readiness alone at first', set: plain, script: '', due: ['readiness'] },
  { name: 'liveness after readiness', set: plain, script: 'r:o', due: ['readiness', 'liveness'] },
  { name: 'nothing but startup first', set: withStartup, script: '', due: ['startup'] },
  { name: 'startup while it fails', set: withStartup, script: 's:ff', due: ['startup'] },
  { name: 'readiness after startup', set: withStartup, script: 's:o', due: ['readiness'] },
] as const;
for (const { name, set, script, due } of turns) {
  test(`asked is ${name}`, () => assert.deepEqual(dueProbes(after(set, script), set, 0), due));
}

test('a probe is asked once at a time and not again within its period', () => {
  const asked = askProbe(after(plain, 'r:o'), plain, { name: 'readiness', atMs: 0 });
  assert.deepEqual(dueProbes(asked, plain, 5_000), ['liveness']);
  const answered = answerProbe(asked, plain, { name: 'readiness', result: ok });
  assert.deepEqual(dueProbes(answered, plain, 999), ['liveness']);
  assert.deepEqual(dueProbes(answered, plain, 1_000), ['readiness', 'liveness']);
  assert.equal(nextProbeAtMs(answered, plain), 0);
});

test('readiness is asked more often until the first one, and all wait for their delay', () => {
  const late: ProbeSet = {
    ...plain,
    readiness: { ...spec({ initialDelayMs: 500 }), firstPeriodMs: 100 },
  };
  const probes = beginProbes(late, { startedAtMs: 1_000, wasReady: false });
  assert.equal(nextProbeAtMs(probes, late), 1_500);
  assert.deepEqual(dueProbes(probes, late, 1_499), []);
  const asked = askProbe(probes, late, { name: 'readiness', atMs: 1_500 });
  assert.equal(nextProbeAtMs(asked, late), null);
  const answered = answerProbe(asked, late, { name: 'readiness', result: failed });
  assert.equal(nextProbeAtMs(answered, late), 1_600);
});

test('what an earlier server saw ready has started and is ready until probes fail', () => {
  const state = (script: string) => {
    const probes = after(withStartup, script, true);
    return [standingOf(probes, withStartup, 0).state, dueProbes(probes, withStartup, 0)];
  };
  assert.deepEqual(state(''), ['ready', ['readiness', 'liveness']]);
  assert.deepEqual(state('r:f'), ['ready', ['readiness', 'liveness']]);
  assert.deepEqual(state('r:ff'), ['unready', ['readiness', 'liveness']]);
  assert.equal(standingOf(beginProbes(withStartup, fresh), withStartup, 0).state, 'starting');
});
