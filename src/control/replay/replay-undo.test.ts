import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { JsonObject } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import { decide } from '../../domain/release/decide.ts';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  instancesOf,
  plan,
  play,
  specOf,
  stepOf,
} from '../../domain/release/release.fixture.ts';
import type { ServiceState } from '../../domain/release/service-state.ts';
import { entryBatch } from '../recording/entry-batch.ts';
import { replayEntry, type ReplayedEntry } from './replay.ts';

test('the entry that ends an undo says so, and is replayed with it and, as earlier programs wrote it, without', async () => {
  const { before, event } = promotionOf(undone(secondStable()));
  const { data, replayed } = await recordedAndReplayed(before, event);
  assert.equal(data['decision'], 'promoted');
  assert.equal(data['rolloutKind'], 'undo');
  assert.deepEqual((await replayed(data)).differences, []);
  const { rolloutKind: _left, ...earlier } = data;
  assert.deepEqual((await replayed(earlier)).differences, []);
});

test('a promotion that says it was an undo, and was none, is a difference', async () => {
  const { before, event } = promotionOf(applied(firstStable(), 2));
  const { data, replayed } = await recordedAndReplayed(before, event);
  assert.equal(data['decision'], 'promoted');
  assert.ok(!('rolloutKind' in data));
  const { differences } = await replayed({ ...data, rolloutKind: 'undo' });
  assert.match(differences[0]?.what ?? '', /the record differs in rolloutKind/);
});

function firstStable(): ServiceState {
  const { state } = play([...firstRollout(), { kind: 'tick', atMs: 60_000 }]);
  assert.equal(state.rollout?.phase.kind, 'promoted');
  return state;
}

function secondStable(): ServiceState {
  const { before, event } = promotionOf(applied(firstStable(), 2));
  return decide(before, event).state;
}

function applied(state: ServiceState, number: number): ServiceState {
  const straight = { ...plan, steps: [stepOf(100)], bakeMs: 0 };
  const spec = specOf(number, { plan: straight });
  return play([{ kind: 'apply', atMs: 70_000, spec, by: ana }], state).state;
}

function undone(state: ServiceState): ServiceState {
  const action = { kind: 'undo', toRevisionId: null } as const;
  return play([{ kind: 'operate', atMs: 80_000, action, by: ana }], state).state;
}

/** Takes the rollout that has just begun to the moment before its promotion. */
function promotionOf(started: ServiceState): {
  readonly before: ServiceState;
  readonly event: ReleaseEvent;
} {
  const ready = { revisions: [instancesOf(1), instancesOf(2)] };
  const before = play([{ kind: 'instances', atMs: 90_000, ...ready }], started).state;
  return {
    before,
    event: { kind: 'effect-done', atMs: 91_000, key: awaitedKey(before) ?? '' },
  };
}

async function recordedAndReplayed(
  before: ServiceState,
  event: ReleaseEvent,
): Promise<{
  readonly data: JsonObject;
  readonly replayed: (data: JsonObject) => Promise<ReplayedEntry>;
}> {
  const { record, state } = decide(before, event);
  assert.ok(record !== null);
  const { entries, blobs } = entryBatch({ record, events: [event], state });
  const kept = new Map(blobs.map(({ bytes }) => [sha256Hex(bytes), bytes]));
  const inputs = blobs.map(({ name, bytes }) => ({ name, sha256: sha256Hex(bytes) }));
  return {
    data: entries[0]?.data as JsonObject,
    replayed: (data) => {
      const entry = { index: 1, version: '0.1.0', data, inputs };
      return replayEntry(before, entry, async (sha256) => kept.get(sha256) ?? null);
    },
  };
}
