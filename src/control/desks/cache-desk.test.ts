import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Route } from '../../domain/traffic/routing/route-table.ts';
import { usualCacheRule } from '../../domain/cache/cache-rule.fixture.ts';
import { HandClock } from '../loop/hand-clock.fixture.ts';
import { CacheDesk } from './cache-desk.ts';
import type { Recorder } from '../recording/recorder.ts';

/** What is recorded, as a ledger of one stream. */
function streamOf(): { recorder: Pick<Recorder, 'record' | 'replay'>; data: unknown[] } {
  const data: unknown[] = [];
  const recorder: Pick<Recorder, 'record' | 'replay'> = {
    record: async ({ entries }) => {
      for (const entry of entries) data.push(entry.data);
      return Promise.resolve([{ index: data.length } as never]);
    },
    replay: async function* () {
      for (const each of data) yield await Promise.resolve({ data: each } as never);
    },
  };
  return { recorder, data };
}

const { signal } = new AbortController();
const by = { who: 'ada', why: 'a price was wrong' };

test('a purge is recorded, carried by the routes of its service, and known after a restart', async () => {
  const { recorder, data } = streamOf();
  const clock = new HandClock();
  const desk = await CacheDesk.open({ recorder, clock }, signal);
  const said = await desk.purge({ service: 'shop', what: { kind: 'tag', tag: 'p7' }, by }, signal);
  assert.ok(
    said.kind === 'recorded' && said.entry.sentence.includes('tag p7'),
    JSON.stringify(said),
  );
  assert.equal(data.length, 1);
  const route = { service: 'shop', policy: { cache: usualCacheRule } } as Route;
  const others = [
    { service: 'web', policy: { cache: usualCacheRule } },
    { service: 'shop' },
  ] as Route[];
  const wanted = [{ atMs: clock.nowMs(), what: { kind: 'tag', tag: 'p7' } }];
  for (const each of [desk, await CacheDesk.open({ recorder, clock }, signal)]) {
    assert.deepEqual(each.routesWith([route])[0]?.cachePurges, wanted);
    assert.deepEqual(each.routesWith(others), others);
  }
});

test('what cannot be purged is refused, and not recorded', async () => {
  const { recorder, data } = streamOf();
  const desk = await CacheDesk.open({ recorder, clock: new HandClock() }, signal);
  for (const what of [
    { kind: 'tag', tag: 'a,b' },
    { kind: 'tag', tag: '' },
    { kind: 'path', path: 'no-slash' },
    { kind: 'path', path: '/a b' },
  ] as const) {
    assert.equal((await desk.purge({ service: 'shop', what, by }, signal)).kind, 'refused');
  }
  assert.equal(data.length, 0);
});
