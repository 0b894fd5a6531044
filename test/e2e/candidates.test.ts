/**
 * Candidates that misbehave in every way the shop knows, side by side in one world: each goes back by itself, for the
 * reason that is true, and its users lose a bounded number of requests.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { RolloutSummaryView } from '../../src/api/wire.ts';
import { release, type ReleaseWish } from './release.fixture.ts';
import { rolloutEnd, startWorld, waitFor, type World } from './world.fixture.ts';

interface BadCandidate {
  readonly name: string;
  readonly what: string;
  readonly wish: Omit<ReleaseWish, 'version' | 'name'>;
  readonly cause: string;
  readonly sentence: RegExp;
  /** Requests of users that may fail at most: of 8 a second that a fifth of the traffic is, some seconds' worth. */
  readonly failuresMax: number;
  /** Default 40. */
  readonly rps?: number;
}

const badCandidates: readonly BadCandidate[] = [
  {
    name: 'unready',
    what: 'that never becomes ready gets no request at all',
    wish: { faults: { READY: 'false' }, health: { startTimeout: '15s' } },
    cause: 'not-ready',
    sentence: /0 of 1 instances of unready v2 \(\w+\) became ready in .* s: .*503/,
    failuresMax: 0,
  },
  {
    name: 'mortal',
    what: 'that exits after 5 s is judged by the requests it lost',
    wish: { faults: { EXIT_AFTER: '5' }, gate: { soak: '20s' } },
    cause: 'gate-failed',
    sentence: /candidate requests failed/,
    failuresMax: 50,
  },
  {
    name: 'crashing',
    what: 'that exits again and again goes back though next to nobody asks it',
    wish: { faults: { EXIT_AFTER: '0.5' } },
    rps: 1,
    cause: 'crash-loop',
    sentence:
      /instances of crashing v2 \(\w+\) restarted 3 times since the start, those of stable 0 times: .*code 1/,
    failuresMax: 4,
  },
  {
    name: 'hanging',
    what: 'that takes requests and never answers is judged by its timeouts',
    wish: { faults: { HANG: 'true' }, timeout: '500ms' },
    cause: 'gate-failed',
    sentence: /candidate requests failed/,
    failuresMax: 60,
  },
  {
    name: 'dead',
    what: 'that fails every request goes back after a few of them',
    wish: { faults: { FAIL_PERCENT: '100' } },
    cause: 'gate-failed',
    sentence: /candidate requests failed \(100/,
    failuresMax: 50,
  },
  {
    name: 'late',
    what: 'that begins to fail after it got all traffic goes back within its bake',
    wish: {
      faults: { FAIL_AFTER: '6' },
      steps: ['{ weight: 50%, gate: false, atLeast: 500ms }', '100%'],
      bake: '30s',
    },
    cause: 'bake-failed',
    sentence: /failed/,
    failuresMax: 300,
  },
  {
    name: 'unlively',
    what: 'that fails its liveness probe is judged by what its restarts lose',
    wish: { faults: { LIVE: 'false' }, health: { live: '/livez' }, gate: { soak: '20s' } },
    cause: 'gate-failed',
    sentence: /candidate requests failed/,
    failuresMax: 50,
  },
];

describe('a candidate', { concurrency: true }, () => {
  let world: World;

  before(async () => {
    world = await startWorld();
    const first = badCandidates.map(({ name, wish }) =>
      release({
        name,
        version: 'v1',
        ...(wish.timeout !== undefined && { timeout: wish.timeout }),
      }),
    );
    await world.applyAndWait(first.join('---\n'));
  });

  after(() => world[Symbol.asyncDispose]());

  for (const bad of badCandidates) {
    test(bad.what, async () => {
      const { name } = bad;
      await using load = world.load({ service: name, rps: bad.rps ?? 40, connections: 8 });
      await world.apply(release({ name, version: 'v2', ...bad.wish }));
      const end = await rolloutEnd(world, name, { timeoutMs: 150_000 });
      assert.equal(end.outcome, 'rolled-back');
      assert.equal(end.cause?.kind, bad.cause, end.cause?.sentence);
      assert.match(end.cause?.sentence ?? '', bad.sentence);
      await isAsBefore(name, end);
      const { errors, requests, byStatus, byError } = await load.stop();
      assert.ok(requests > 0);
      const what = JSON.stringify({ requests, byStatus, byError });
      assert.ok(errors <= bad.failuresMax, `${errors} requests failed: ${what}`);
    });
  }

  /** All traffic on the old revision, and after a moment nothing of the new one left. */
  async function isAsBefore(name: string, end: RolloutSummaryView): Promise<void> {
    const { status } = await waitFor('the end of the candidate', async () => {
      const service = await world.service(name);
      const isGone = service.status.instances.every(
        (each) => each.revisionId === end.fromRevisionId,
      );
      return isGone ? service : null;
    });
    assert.equal(status.phase, 'RolledBack');
    assert.equal(status.stable?.version, 'v1');
    assert.deepEqual(status.traffic, [{ revisionId: end.fromRevisionId, weightPercent: 100 }]);
    assert.ok(status.instances.every((each) => each.state === 'ready'));
  }
});
