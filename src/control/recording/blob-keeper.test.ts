import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sha256Hex } from '../../domain/evidence/digest.ts';
import { BlobError } from '../../ports/blob-store.ts';
import { dayMs, firstProblem, keeping } from './blob-keeper.fixture.ts';
import { knownBlobs } from './blob-keeper.ts';
import { LoopWorld } from '../loop/loop.fixture.ts';
import { recordedEntry } from './recorder.ts';
import { replayRollout } from '../replay/replay.ts';
import { LOGS_TYPE, RolloutBlobs, SAMPLES_TYPE } from './rollout-blobs.ts';
import { streamOfService } from './recovery.ts';

const { signal } = new AbortController();
const about = { service: 'web', rolloutId: 'web-2' };
const item = (text: string) => ({ name: text, mediaType: 'text/plain', bytes: Buffer.from(text) });

test('what is kept is there before its entry, which has digest, size and media type', async () => {
  const world = await keeping();
  await world.keeper.keep(about, [item('one'), item('two')], signal);
  const known = await knownBlobs(world.recorder, signal);
  const one = known.get(sha256Hex('one'));
  assert.deepEqual([one?.action, one?.sizeBytes, one?.mediaType], ['stored', 3, 'text/plain']);
  assert.equal(known.size, 2);
  assert.deepEqual([...world.files.keys()].toSorted(), [...known.keys()].toSorted());
  assert.equal(await firstProblem(world.ledger), null);
});

test('a store that is full is a warning and an entry with the digest, and the caller goes on', async () => {
  const world = await keeping();
  world.trouble.error = new BlobError('full', 'cannot keep a blob: the quota is used');
  await world.keeper.keep(about, [item('one')], signal);
  const one = (await knownBlobs(world.recorder, signal)).get(sha256Hex('one'));
  assert.equal(one?.action, 'not-stored');
  assert.match(one.reason ?? '', /quota/);
  assert.match(world.said.join(), /one of web is not kept/);
});

test('what is over its time is an entry and then gone, what is not stays, and a second time changes nothing', async () => {
  const world = await keeping();
  await world.keeper.keep(about, [item('old')], signal);
  world.time.nowMs += 91 * dayMs;
  await world.keeper.keep(about, [item('young')], signal);
  await world.keeper.retire(signal);
  const known = await knownBlobs(world.recorder, signal);
  assert.equal(known.get(sha256Hex('old'))?.action, 'retired');
  assert.equal(known.get(sha256Hex('old'))?.reason, 'kept for 90 days');
  assert.deepEqual([...world.files.keys()], [sha256Hex('young')]);
  const { size } = await world.ledger.head(signal);
  await world.keeper.retire(signal);
  assert.equal((await world.ledger.head(signal)).size, size);
});

test('a crash between the entry and the deletion is made good, and so is one before the entry', async () => {
  const world = await keeping();
  await world.keeper.keep(about, [item('old')], signal);
  world.time.nowMs += 91 * dayMs;
  world.trouble.removal = new BlobError('io', 'crashed');
  await assert.rejects(world.keeper.retire(signal), BlobError);
  assert.equal(world.files.size, 1);
  world.trouble.removal = null;
  world.files.set(sha256Hex('orphan'), { bytes: Buffer.from('orphan'), atMs: world.time.nowMs });
  await world.keeper.retire(signal);
  // The orphan is young: its entry may be under way.
  assert.deepEqual([...world.files.keys()], [sha256Hex('orphan')]);
  world.time.nowMs += dayMs;
  await world.keeper.retire(signal);
  assert.deepEqual([...world.files.keys()], []);
});

test('of a rollout that went back the samples and the logs are kept, and replay needs neither', async () => {
  const world = new LoopWorld();
  const running = await world.open();
  await running.promoteFirst(1);
  await running.beginCanary(2);
  await world.serve(1_500);
  await world.serve(2_000, [2]);
  await running.stop();
  const kept: { readonly mediaType: string; readonly bytes: Uint8Array }[] = [];
  const blobs = new RolloutBlobs({
    keeper: { keep: async (_, items) => void kept.push(...items) },
    readBlob: (sha256) => world.store.blob(sha256, signal),
    entries: async function* (stream, fromIndex) {
      for await (const stored of world.store.read({ stream, fromIndex }, signal)) {
        yield recordedEntry(stored);
      }
    },
    platform: {
      logs: async function* ({ service, revisionId }) {
        yield { instanceId: `${service} ${revisionId}`, stream: 'stderr', text: 'it broke' };
      },
    },
    log: (_, message) => assert.fail(message),
    fail: (error) => assert.fail(String(error)),
  });
  const entries = await Array.fromAsync(
    world.store.read({ stream: streamOfService('web'), fromIndex: 0 }, signal),
  );
  for (const stored of entries) {
    const { index, data } = recordedEntry(stored);
    blobs.heard(data as unknown as Parameters<typeof blobs.heard>[0], index, signal);
  }
  await blobs.settled();
  const samples = kept.filter(({ mediaType }) => mediaType === SAMPLES_TYPE);
  const logs = kept.filter(({ mediaType }) => mediaType === LOGS_TYPE);
  const lines = samples.flatMap(({ bytes }) => Buffer.from(bytes).toString().trim().split('\n'));
  assert.ok(lines.length > 5, `${lines.length} samples`);
  for (const line of lines) assert.equal((JSON.parse(line) as { service: string }).service, 'web');
  assert.equal(logs.length, 1);
  assert.match(Buffer.from(logs[0]?.bytes ?? '').toString(), /it broke/);
  const listed = async function* () {
    for (const stored of entries) yield recordedEntry(stored);
  };
  const replay = await replayRollout('web-2', listed(), (sha256) =>
    world.store.blob(sha256, signal),
  );
  assert.equal(replay?.firstDifference, null);
});
