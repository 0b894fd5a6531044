import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HandClock } from '../loop/hand-clock.fixture.ts';
import { ALERT_AFTER_MS, type HeldAlert, PromotionAnchor } from './promotion-anchor.ts';

const MADE = { size: 10, note: '', witnesses: [], isQuorum: false, problem: 'nobody answers' };

test('a promotion that waits for witnesses says so, is an alert once it is long, and says that it goes on', async () => {
  const clock = new HandClock();
  const world = newWorld();
  const anchor = anchorOf(world, clock);
  const waiting = anchor.wait('pay', 5, new AbortController().signal);
  await clock.pass(ALERT_AFTER_MS - 2_000);
  assert.match(world.held.at(-1) ?? '', /the promotion of pay waits for witnesses: nobody answers/);
  assert.equal(world.alerts.length, 0);
  await clock.pass(10_000);
  assert.deepEqual(
    world.alerts.map(({ decision }) => decision),
    ['alert'],
  );
  assert.match(
    world.alerts.at(0)?.sentence ?? '',
    /nobody answers; for 5 minutes now.*rollout abort pay/,
  );
  world.isThere = true;
  await clock.pass(2_000);
  await waiting;
  assert.deepEqual(
    [world.held.at(-1), world.alerts.map(({ decision }) => decision)],
    [null, ['alert', 'alert-over']],
  );
});

test('a short wait is no alert', async () => {
  const clock = new HandClock();
  const world = newWorld();
  const waiting = anchorOf(world, clock).wait('pay', 5, new AbortController().signal);
  await clock.pass(3_000);
  world.isThere = true;
  await clock.pass(2_000);
  await waiting;
  assert.deepEqual([world.held.at(-1), world.alerts], [null, []]);
});

interface World {
  isThere: boolean;
  readonly held: (string | null)[];
  readonly alerts: HeldAlert[];
}

function newWorld(): World {
  return { isThere: false, held: [], alerts: [] };
}

function anchorOf(world: World, clock: HandClock): PromotionAnchor {
  return new PromotionAnchor({
    checkpointer: {
      make: async () => (world.isThere ? { ...MADE, isQuorum: true, problem: null } : MADE),
    },
    mode: 'require',
    clock,
    onHeld: (_service, why) => world.held.push(why),
    onAlert: (_service, alert) => world.alerts.push(alert),
  });
}
