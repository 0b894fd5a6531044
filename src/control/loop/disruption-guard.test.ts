import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MemoryMachine, MemoryPlatform } from '../../adapters/memory/memory-platform.ts';
import { MemoryRouter } from '../../adapters/memory/memory-router.ts';
import type { Effect } from '../../domain/release/effect.ts';
import { revisionOf } from '../../domain/release/release.fixture.ts';
import type { Revision } from '../../domain/release/revision.ts';
import type { DisruptionBudget } from '../../domain/scaling/disruption-budget.ts';
import type { Instance, Platform } from '../../ports/platform.ts';
import { DisruptionGuard } from './disruption-guard.ts';
import { EffectLanes } from './effect-lanes.ts';
import { HandClock, settle } from './hand-clock.fixture.ts';
import { TablePusher } from './table-pusher.ts';

const all: DisruptionBudget = {
  kind: 'min-available',
  amount: { kind: 'percent', percent: 100 },
};
const id = (number: number): string => `${revisionOf(1).id}-${number}`;

/** The guard before instances whose states are told by one letter each: r ready, u not, e ejected. */
function guarded(
  budget: DisruptionBudget | null,
  letters: string,
  leaving: readonly string[] = [],
) {
  const seen = { letters };
  const clock = new HandClock();
  const states: Readonly<Record<string, Pick<Instance, 'state' | 'isEjected'>>> = {
    r: { state: 'ready' },
    u: { state: 'unready' },
    e: { state: 'ready', isEjected: true },
  };
  const platform = {
    observe: () =>
      Promise.resolve(
        seen.letters.split('').map((letter, at) => ({
          id: id(at + 1),
          service: 'web',
          revisionId: revisionOf(1).id,
          ...states[letter],
        })),
      ),
  } as unknown as Platform;
  const guard = new DisruptionGuard({ platform, clock, leaving: new Set(leaving) });
  const revision: Revision =
    budget === null ? revisionOf(1) : { ...revisionOf(1), disruptionBudget: budget };
  return { guard, clock, seen, revision };
}

const one: DisruptionBudget = { kind: 'max-unavailable', amount: { kind: 'count', count: 1 } };
const rows = [
  { name: 'nothing is said', budget: null, letters: 'rr', isAllowed: true },
  { name: 'none may be missing', budget: all, letters: 'rr', isAllowed: false },
  { name: 'one more serves', budget: all, letters: 'rrr', isAllowed: true },
  { name: 'the other more is not ready', budget: all, letters: 'rru', isAllowed: false },
  { name: 'the other more is ejected', budget: all, letters: 'rre', isAllowed: false },
  { name: 'who goes serves nobody', budget: all, letters: 'ur', isAllowed: true },
  { name: 'one may be missing', budget: one, letters: 'rr', isAllowed: true },
  { name: 'one is missing already', budget: one, letters: 'ru', isAllowed: false },
  {
    name: 'another is on its way out',
    budget: one,
    letters: 'rr',
    leaving: [id(2)],
    isAllowed: false,
  },
];
for (const { name, budget, letters, leaving, isAllowed } of rows) {
  test(`${name}: a stop is ${isAllowed ? 'allowed' : 'held back'}`, async () => {
    const { guard, revision } = guarded(budget, letters, leaving);
    const stop = new AbortController();
    let isOver = false;
    const allowed = guard
      .allow({ revision, going: [id(1)], wanted: 2 }, stop.signal)
      .then(() => (isOver = true));
    await settle();
    assert.equal(isOver, isAllowed);
    stop.abort(new Error('enough'));
    await allowed.catch(() => undefined);
  });
}

test('one more is started once, and the stop follows when it serves', async () => {
  const { guard, clock, seen, revision } = guarded(all, 'rr');
  let surges = 0;
  let isOver = false;
  const surge = (): Promise<void> => {
    surges += 1;
    seen.letters = 'rru';
    return Promise.resolve();
  };
  const allowed = guard
    .allow({ revision, going: [id(1)], wanted: 2, surge }, new AbortController().signal)
    .then(() => (isOver = true));
  await clock.pass(1_000);
  assert.deepEqual([surges, isOver], [1, false]);
  seen.letters = 'rrr';
  await clock.pass(100);
  await allowed;
  assert.equal(surges, 1);
});

/** Replaces the first of two instances, with a budget or without, and gives the fewest that were ready in between. */
async function fewestReady(change: Partial<Revision>): Promise<number> {
  const clock = new HandClock();
  const machine = new MemoryMachine();
  const platform = new MemoryPlatform({ clock, machine });
  const router = new MemoryRouter(clock);
  const lanes = new EffectLanes({
    platform,
    router,
    pusher: new TablePusher({ router, clock, build: () => ({ routes: [] }) }),
    clock,
    standby: null,
    traffic: new Map(),
    leaving: new Set(),
    report: () => undefined,
    crash: (error) => assert.fail(String(error)),
  });
  const revision = { ...revisionOf(1), ...change };
  machine.script(revision.id, { readyAfterMs: 1_000 });
  const { signal } = new AbortController();
  const effect = { key: 'order', revision, count: 2 };
  lanes.start('web', [{ kind: 'ensure-instances', ...effect }], signal);
  await clock.pass(2_000);
  const order: Effect = { kind: 'replace-instance', ...effect, instanceId: id(1) };
  lanes.start('web', [order], signal);
  let fewest = Infinity;
  for (let look = 0; look < 50; look += 1) {
    await clock.pass(100);
    const ready = (await platform.observe(signal)).filter(({ state }) => state === 'ready').length;
    fewest = Math.min(fewest, ready);
  }
  assert.deepEqual([...machine.instances.keys()].includes(id(1)), false);
  assert.equal(machine.instances.size, 2);
  return fewest;
}

test('a replacement within a budget has the new one first, and without one it has not', async () => {
  assert.equal(await fewestReady({ disruptionBudget: all }), 2);
  assert.equal(await fewestReady({}), 1);
});
