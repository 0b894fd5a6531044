import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sha256Hex } from '../../domain/evidence/digest.ts';
import { decide } from '../../domain/release/decide.ts';
import type { ReleaseEvent } from '../../domain/release/event.ts';
import {
  ana,
  awaitedKey,
  firstRollout,
  gate,
  instancesOf,
  plan,
  play,
  revisionOf,
  specOf,
} from '../../domain/release/release.fixture.ts';
import type { InstanceCount } from '../../domain/traffic/samples/traffic-sample.ts';
import { entryBatch } from '../recording/entry-batch.ts';
import { packState, unpackState } from '../recording/journal.ts';
import { replayEntry } from './replay.ts';

const settings = {
  ...gate,
  strata: [{ name: 'orders', path: '/orders', method: null, header: null }],
  metrics: [{ name: 'declined', kind: 'ratio', weight: 1 }],
} as const;

function count(number: number, requests: number, more: Partial<InstanceCount>): InstanceCount {
  const revisionId = revisionOf(number).id;
  const byStatusClass = [0, requests, 0, 0, 0, 0];
  return { revisionId, isMatched: false, instanceId: 'i', byStatusClass, latency: [], ...more };
}

/** Requests of all classes every 100 ms, all of them well, and declined orders every second. */
function* samples(fromMs: number): Generator<ReleaseEvent> {
  const base = { service: 'web', isCatchUp: false };
  for (let atMs = fromMs; ; atMs += 100) {
    const counts = [1, 2].flatMap((number) => [
      count(number, 10, { stratum: 'orders' }),
      count(number, 20, { stratum: 'other' }),
      count(number, 2, { setAside: 'retry' }),
      count(number, 3, { setAside: 'same-client' }),
    ]);
    yield { kind: 'sample', atMs, sample: { ...base, atMs, counts } };
    if (atMs % 1000 !== 0) continue;
    const interval = { metric: 'declined', kind: 'ratio', total: 100 } as const;
    const metrics = {
      sinceMs: atMs - 1000,
      counts: [
        { ...interval, revisionId: revisionOf(1).id, bad: 2 },
        { ...interval, revisionId: revisionOf(2).id, bad: 30 },
      ],
      faults: [],
    };
    yield { kind: 'sample', atMs, sample: { ...base, atMs, counts: [], metrics } };
    yield { kind: 'tick', atMs };
  }
}

test('a way back by a metric, with strata and requests set aside, is replayed byte for byte', async () => {
  const spec = specOf(2, { plan: { ...plan, gate: settings } });
  const started = play([
    ...firstRollout(),
    { kind: 'tick', atMs: 60_000 },
    { kind: 'apply', atMs: 61_000, spec, by: ana },
    { kind: 'instances', atMs: 62_000, revisions: [instancesOf(1), instancesOf(2)] },
  ]).state;
  const key = awaitedKey(started);
  assert.ok(key !== null);
  const before = play([{ kind: 'effect-done', atMs: 63_000, key }], started).state;

  const events: ReleaseEvent[] = [];
  let decision = decide(before, { kind: 'tick', atMs: 63_000 });
  for (const event of samples(63_100)) {
    events.push(event);
    decision = decide(decision.state, event);
    if (decision.record !== null) break;
    assert.ok(events.length < 1000, 'it goes back');
  }
  const { record, state } = decision;
  assert.ok(record !== null);
  assert.match(record.sentence, /by metric declined/);
  assert.match(record.sentence, /no evidence are [\d,]+ retries, [\d,]+ requests of clients/);
  assert.equal(state.rollout?.gate.errors.strata.length, 2);

  const { entries, blobs } = entryBatch({ record, events, state });
  const kept = new Map(blobs.map(({ bytes }) => [sha256Hex(bytes), bytes]));
  const inputs = blobs.map(({ name, bytes }) => ({ name, sha256: sha256Hex(bytes) }));
  const entry = { index: 1, version: '0.1.0', data: entries[0]?.data ?? null, inputs };
  const stored = unpackState(packState(before));
  const replayed = await replayEntry(stored, entry, async (sha256) => kept.get(sha256) ?? null);
  assert.deepEqual(replayed.differences, []);
  assert.equal(replayed.eventCount, events.length);
});
