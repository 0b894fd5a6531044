import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualHorizontalScaling } from '../../scaling/horizontal.ts';
import type { LoadNeed } from '../../scaling/capacity-guard.ts';
import type { ReleaseEvent, RevisionInstances } from '../event.ts';
import { leastInstances, wantedInstances } from '../instance-counts.ts';
import { ana, awaitedKey, plan, play, revisionOf, specOf, stepOf } from '../release.fixture.ts';
import type { Revision } from '../revision.ts';
import { describeService } from '../wording/sentence.ts';
import type { ServiceState } from '../service-state.ts';

/** As `revisionOf`, but following its load with 2 to 6 instances. */
function scaled(number: number): Revision {
  return { ...revisionOf(number), scale: { ...usualHorizontalScaling, min: 2, max: 6 } };
}

const ungated = [stepOf(50, { gated: false }), stepOf(100)];

function applied(number: number, atMs: number): ReleaseEvent {
  const spec = specOf(number, { revision: scaled(number), plan: { ...plan, steps: ungated } });
  return { kind: 'apply', atMs, spec, by: ana };
}

function seen(number: number, ready: number): RevisionInstances {
  return { revisionId: revisionOf(number).id, ready, total: ready, restarts: 0, reason: null };
}

function look(
  atMs: number,
  arms: readonly (readonly [number: number, instances: number, requests: number | null])[],
): ReleaseEvent {
  return {
    kind: 'scale',
    atMs,
    arms: arms.map(([number, instances, requests]) => ({
      revisionId: revisionOf(number).id,
      instances,
      sentence: 'as the test says',
      needs: requests === null ? null : [needOf(requests)],
    })),
  };
}

function needOf(load: number): LoadNeed {
  return { metric: 'requestsPerSecond', load, perInstance: 1000 };
}

/** A scaled stable revision 1 at rest. */
function atRest(): ServiceState {
  return play([
    applied(1, 1_000),
    { kind: 'instances', atMs: 2_000, revisions: [seen(1, 2)] },
    { kind: 'effect-done', atMs: 3_000, key: 'web/2/route' },
  ]).state;
}

test('another number is recorded and ordered, within the bounds, and the same number changes nothing', () => {
  const { state, decisions } = play([look(9_000, [[1, 4, 3500]])], atRest());
  const [decision] = decisions;
  assert.equal(decision?.record?.decision, 'scale');
  assert.equal(
    decision?.record?.sentence,
    'web v1 (1111111111) from 2 to 4 instances: as the test says',
  );
  assert.deepEqual(decision?.record?.effects, [`run 4 of ${revisionOf(1).id}`]);
  assert.equal(wantedInstances(state, scaled(1)), 4);
  const again = play([look(11_000, [[1, 4, 3500]])], state);
  assert.equal(again.state, state, 'an idle look leaves no trace');
  for (const [asked, want] of [
    [99, 6],
    [0, 2],
  ] as const) {
    const bounded = play([look(11_000, [[1, asked, 0]])], state).state;
    assert.equal(wantedInstances(bounded, scaled(1)), want);
  }
});

test('a revision without `scale`, and one that is not there, are left alone', () => {
  const { state } = play(
    [
      { kind: 'apply', atMs: 1_000, spec: specOf(1), by: ana },
      { kind: 'instances', atMs: 2_000, revisions: [seen(1, 2)] },
      { kind: 'effect-done', atMs: 3_000, key: 'web/2/route' },
    ],
    undefined,
  );
  assert.equal(
    play(
      [
        look(9_000, [
          [1, 4, 3500],
          [7, 4, 3500],
        ]),
      ],
      state,
    ).state,
    state,
  );
});

test('after a restart the number ordered last is ordered again', () => {
  const { state } = play([look(9_000, [[1, 5, 4500]])], atRest());
  const { decisions } = play([{ kind: 'recovered', atMs: 20_000 }], state);
  assert.ok(decisions[0]?.record?.effects.includes(`run 5 of ${revisionOf(1).id}`));
});

test('a step waits until the candidate can carry its share and stable all of the load, and says so', () => {
  const ready = (atMs: number, stable: number, candidate: number): ReleaseEvent => {
    return { kind: 'instances', atMs, revisions: [seen(1, stable), seen(2, candidate)] };
  };
  const begun = play([applied(2, 10_000), ready(11_000, 2, 2)], atRest()).state;
  assert.equal(begun.rollout?.phase.kind, 'starting');
  assert.match(describeService(begun, 11_000), /held by capacity: it is not known yet what the/);

  const short = play(
    [
      look(12_000, [
        [1, 5, 4500],
        [2, 3, 4500],
      ]),
      ready(13_000, 2, 2),
    ],
    begun,
  ).state;
  assert.equal(short.rollout?.phase.kind, 'starting');
  assert.match(
    describeService(short, 13_000),
    /the candidate needs 3 ready instances to carry 50 % of the load and has 2 \(4,500 requests\/s, 1,000 an/,
  );
  const half = play([ready(14_000, 4, 3)], short).state;
  assert.equal(half.rollout?.phase.kind, 'starting');
  assert.match(
    describeService(half, 14_000),
    /stable needs 5 ready instances to carry all of the load and has 4/,
  );

  const shifting = play([ready(15_000, 5, 3)], half).state;
  assert.equal(shifting.rollout?.phase.kind, 'shifting');
  const judging = play(
    [
      { kind: 'effect-done', atMs: 16_000, key: awaitedKey(shifting) ?? '' },
      { kind: 'tick', atMs: 17_000 },
    ],
    shifting,
  ).state;
  assert.equal(
    judging.rollout?.phase.kind,
    'judging',
    'all of the load needs five of the candidate',
  );
  const full = play([ready(18_000, 5, 5)], judging).state;
  assert.equal(full.rollout?.phase.kind, 'shifting');
});

test('a look whose load is not known holds a step, and a restart forgets what was seen', () => {
  const begun = play(
    [
      applied(2, 10_000),
      look(11_000, [
        [1, 2, 900],
        [2, 2, null],
      ]),
      { kind: 'instances', atMs: 12_000, revisions: [seen(1, 2), seen(2, 2)] },
    ],
    atRest(),
  ).state;
  assert.equal(begun.rollout?.phase.kind, 'starting');
  const known = play(
    [
      look(13_000, [
        [1, 2, 900],
        [2, 2, 900],
      ]),
    ],
    begun,
  ).state;
  const back = play(
    [
      { kind: 'recovered', atMs: 14_000 },
      { kind: 'tick', atMs: 15_000 },
    ],
    known,
  ).state;
  assert.equal(back.rollout?.phase.kind, 'starting');
  assert.equal(play([{ kind: 'tick', atMs: 14_000 }], known).state.rollout?.phase.kind, 'shifting');
});

test('an arm has at least what the rollout may need next: stable for all, the candidate for its next share', () => {
  const state = play([applied(2, 10_000)], atRest()).state;
  assert.equal(leastInstances(state, scaled(1), [needOf(4500)]), 5);
  assert.equal(leastInstances(state, scaled(2), [needOf(4500)]), 3);
  assert.equal(
    leastInstances(atRest(), scaled(1), [needOf(4500)]),
    0,
    'at rest its own load decides',
  );
});

test('a revision that comes again begins with its own number', () => {
  const grown = play([look(9_000, [[1, 6, 6000]])], atRest()).state;
  const counts = [...(grown.counts ?? []), { revisionId: revisionOf(2).id, instances: 6 }];
  const { state } = play([applied(2, 10_000)], { ...grown, counts });
  assert.equal(wantedInstances(state, scaled(2)), 2);
  assert.equal(wantedInstances(state, scaled(1)), 6);
});
