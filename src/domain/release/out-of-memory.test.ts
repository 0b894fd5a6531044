import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReleaseEvent } from './event.ts';
import { ana, instancesOf, play, specOf } from './release.fixture.ts';
import type { ServiceState } from './service-state.ts';

/** A canary of revision 2 at its first weight. */
function underWay(): ServiceState {
  return play([
    { kind: 'apply', atMs: 1_000, spec: specOf(1), by: ana },
    { kind: 'instances', atMs: 2_000, revisions: [instancesOf(1)] },
    { kind: 'effect-done', atMs: 3_000, key: 'web/2/route' },
  ]).state;
}

function seen(
  atMs: number,
  ofCandidate: {
    readonly restarts: number;
    readonly outOfMemory?: number;
    readonly reason: string;
  },
): ReleaseEvent {
  const candidate = { ...instancesOf(2, 1, ofCandidate.restarts), ...ofCandidate };
  return { kind: 'instances', atMs, revisions: [instancesOf(1), candidate] };
}

function sentenceOf(events: readonly ReleaseEvent[]): string {
  const { decisions } = play(
    [{ kind: 'apply', atMs: 10_000, spec: specOf(2), by: ana }, ...events],
    underWay(),
  );
  return decisions.at(-1)?.record?.sentence ?? '';
}

test('a candidate that is ended at its limit again and again goes back, and the sentence names it', () => {
  const reason = 'OOMKilled (exit code 137) after 2.0 s: it reached its memory limit of 64 MiB';
  const sentence = sentenceOf([seen(11_000, { restarts: 3, outOfMemory: 3, reason })]);
  assert.match(sentence, /going back .* restarted 3 times .*: OOMKilled \(exit code 137\)/);
  assert.doesNotMatch(sentence, /were ended/, 'it is said once');
});

test('it is named too where another reason is newer', () => {
  const said = { restarts: 3, outOfMemory: 2, reason: 'GET /readyz answered 503' };
  const sentence = sentenceOf([seen(11_000, said)]);
  assert.match(sentence, /503; instances of it were ended 2 times at their memory limit \(OOMK/);
});

test('what never was ended so is not said to be', () => {
  const sentence = sentenceOf([seen(11_000, { restarts: 3, reason: 'exited with code 1' })]);
  assert.match(sentence, /restarted 3 times since the start.*: exited with code 1$/);
});
