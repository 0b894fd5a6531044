import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Effect } from '../../domain/release/effect.ts';
import type { DecisionKind, ReleaseRecord } from '../../domain/release/service-state.ts';
import { PromotionAnchor } from '../ledger/promotion-anchor.ts';
import { RecordQueue } from './record-queue.ts';
import type { Anchor } from './record-queue.ts';

test('a promotion’s effects wait for the anchor; other services and records do not', async () => {
  const gate = Promise.withResolvers<void>();
  const world = openWorld(() => gate.promise);
  world.put('web', 'advance', { isPromotion: true });
  world.put('web', 'progress');
  world.put('api', 'advance');
  await world.recorded(3);
  assert.deepEqual(world.begun, ['api advance traffic']);
  gate.resolve();
  await world.queue.settled();
  assert.deepEqual(world.begun, [
    'api advance traffic',
    'web advance traffic',
    'web progress traffic',
  ]);
});

test('a way back does not wait for the anchor, and the promotion’s traffic never comes after it', async () => {
  const world = openWorld(
    (_, __, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  );
  world.put('web', 'advance', { isPromotion: true });
  await world.recorded(1);
  assert.deepEqual(world.begun, []);
  world.put('web', 'roll-back');
  await world.recorded(2);
  await world.queue.settled();
  assert.deepEqual(world.begun, ['web roll-back traffic', 'web advance nothing']);
  assert.equal(world.failures.length, 0);
  world.put('web', 'advance');
  await world.recorded(3);
  assert.equal(world.begun.at(-1), 'web advance traffic');
});

test('what was to be stopped before a way back that wants it is not stopped after it', async () => {
  const world = openWorld(
    (_, __, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      }),
  );
  world.put('web', 'roll', {
    isPromotion: true,
    orders: [
      ['stop-instances', 'v1'],
      ['ensure-instances', 'v2'],
    ],
  });
  await world.recorded(1);
  world.put('web', 'roll-back', { orders: [['ensure-instances', 'v1']] });
  await world.recorded(2);
  await world.queue.settled();
  assert.deepEqual(world.begun, [
    'web roll-back traffic, ensure-instances v1',
    'web roll nothing, ensure-instances v2',
  ]);
});

test('an anchor that breaks ends the loop, and the promotion’s effects never begin', async () => {
  const world = openWorld(() => Promise.reject(new Error('broken')));
  world.put('web', 'advance', { isPromotion: true });
  await world.recorded(1);
  await world.queue.settled();
  assert.deepEqual(world.failures, ['broken']);
  assert.deepEqual(world.begun, []);
});

const MODES = [
  ['off', 0],
  ['warn', 1],
  ['require', 3],
] as const;

for (const [mode, wantMade] of MODES) {
  test(`with ${mode}, ${wantMade} checkpoints are asked for until one has its quorum`, async () => {
    let made = 0;
    const held: (string | null)[] = [];
    const anchor = new PromotionAnchor({
      mode,
      clock: { nowMs: () => 0, sleep: async () => undefined },
      onHeld: (_, why) => held.push(why),
      onAlert: () => assert.fail('no time has passed'),
      checkpointer: {
        make: async () => {
          made += 1;
          const isQuorum = made > 2;
          const problem = isQuorum ? null : 'w answered nothing';
          return { size: 8, note: '', witnesses: [], isQuorum, problem };
        },
      },
    });
    await anchor.wait('web', 7, AbortSignal.timeout(60_000));
    assert.equal(made, wantMade);
    const why = 'the promotion of web waits for witnesses: w answered nothing';
    assert.deepEqual(held, mode === 'require' ? [why, why, null] : []);
  });
}

test('a checkpoint that does not cover the entry is no anchor', async () => {
  let size = 6;
  const anchor = new PromotionAnchor({
    mode: 'require',
    clock: { nowMs: () => 0, sleep: async () => undefined },
    onHeld: () => undefined,
    onAlert: () => undefined,
    checkpointer: {
      make: async () => {
        size += 1;
        return { size, note: '', witnesses: ['w'], isQuorum: true, problem: null };
      },
    },
  });
  await anchor.wait('web', 7, AbortSignal.timeout(60_000));
  assert.equal(size, 8);
});

type Orders = 'ensure-instances' | 'stop-instances';

function openWorld(anchor: Anchor) {
  const begun: string[] = [];
  const failures: string[] = [];
  const effects = new Map<string, string>();
  let index = 0;
  const durable: string[] = [];
  const { signal } = new AbortController();
  const queue = new RecordQueue({
    recorder: {
      record: async () => {
        index += 1;
        return [{ index, leafHash: '' }];
      },
    },
    clock: { nowMs: () => 0, sleep: () => new Promise(() => undefined) },
    begin: (service, of) => {
      const key = of[0]?.key ?? '';
      const others = of.flatMap((each) =>
        each.kind === 'set-traffic' ? [] : [`, ${each.kind} ${each.revision.id}`],
      );
      const isMoved = of.some(({ kind }) => kind === 'set-traffic');
      const what = `${isMoved ? 'traffic' : 'nothing'}${others.join('')}`;
      begun.push(`${service} ${effects.get(key) ?? waiting.shift() ?? ''} ${what}`);
    },
    onTrouble: () => undefined,
    fail: (error) => failures.push(error instanceof Error ? error.message : String(error)),
    anchor,
  });
  /** Decisions whose traffic was dropped, which only their order tells. */
  const waiting: string[] = [];
  const put = (
    service: string,
    decision: DecisionKind,
    { isPromotion = false, orders = [] as readonly [Orders, string][] } = {},
  ): void => {
    const key = `${service}/${effects.size}`;
    effects.set(key, decision);
    if (isPromotion) waiting.push(decision);
    const record = { service, decision } as ReleaseRecord;
    const traffic = { kind: 'set-traffic', key } as Effect;
    const batch = { stream: service, entries: [], blobs: [] };
    const onDurable = (): void => {
      durable.push(key);
    };
    const others = orders.map(([kind, id]) => ({ kind, key, revision: { id } }) as Effect);
    queue.put({ record, batch, effects: [traffic, ...others], isPromotion, onDurable }, signal);
  };
  const recorded = async (count: number): Promise<void> => {
    for (let turn = 0; turn < 1_000 && durable.length < count; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(durable.length, count);
  };
  return { queue, begun, failures, put, recorded };
}
