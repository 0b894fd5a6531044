import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { ReleaseEvent } from '../../domain/release/event.ts';
import {
  ana,
  firstRollout,
  instancesOf,
  play,
  specOf,
} from '../../domain/release/release.fixture.ts';
import { emptyService } from '../../domain/release/service-state.ts';
import { ServiceLane, type UntimedEvent } from './service-lane.ts';

/** A lane with v1 stable, its events so far taken away. */
function atRest(): ServiceLane {
  const lane = new ServiceLane('web');
  for (const event of firstRollout()) lane.take(event, event.atMs);
  lane.drainEvents();
  return lane;
}

const seen = (ready: number, restarts = 0): UntimedEvent => {
  return { kind: 'instances', revisions: [instancesOf(1, ready, restarts)] };
};
const apply: UntimedEvent = { kind: 'apply', spec: specOf(2), by: ana };

test('the kept events replay to the same state and records', () => {
  const lane = new ServiceLane('web');
  const kept: ReleaseEvent[] = [];
  const records: unknown[] = [];
  const feed = (event: UntimedEvent, atMs: number) => {
    const { record } = lane.take(event, atMs);
    if (record === null) return;
    records.push(record);
    kept.push(...lane.drainEvents());
  };
  for (const event of firstRollout()) feed(event, event.atMs);
  feed({ kind: 'tick' }, 3_500);
  feed(seen(1), 4_000);
  feed(seen(2), 5_000);
  feed({ kind: 'tick' }, 5_500);
  feed(seen(1, 1), 6_000);
  feed(seen(2, 1), 7_000);
  feed(apply, 8_000);
  const replayed = play(kept);
  assert.deepEqual(replayed.state, lane.state);
  const decided = replayed.decisions.flatMap(({ record }) => record ?? []);
  assert.deepEqual(decided, records);
});

test('at rest only the newest view of the instances is kept, and only before an event that is', () => {
  const lane = atRest();
  for (let n = 0; n < 100; n++) lane.take(seen(n % 3), 4_000 + n);
  assert.deepEqual(lane.drainEvents(), []);
  lane.take(apply, 5_000);
  assert.deepEqual(
    lane.drainEvents().map((event) => [event.kind, event.atMs]),
    [
      ['instances', 4_099],
      ['apply', 5_000],
    ],
  );
  assert.deepEqual(lane.drainEvents(), []);
});

test('events that change nothing are not kept', () => {
  const lane = atRest();
  lane.take({ kind: 'tick' }, 4_000);
  lane.take({ kind: 'effect-done', key: 'web/2/route' }, 4_000);
  assert.deepEqual(lane.drainEvents(), []);
  assert.equal(lane.lastAtMs, 3_000);
  assert.equal(lane.isActive, false);
});

test('time does not go back when the clock does, also after a recovery', () => {
  const lane = atRest();
  assert.equal(lane.take(apply, 2_000).record?.atMs, 3_000);
  assert.equal(lane.isActive, true);
  const from = { state: emptyService('web'), lastAtMs: 9_000 };
  const recovered = new ServiceLane('web', from);
  assert.equal(recovered.take(apply, 1_000).record?.atMs, 9_000);
});
