import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type RolloutListQuery, rolloutListQuerySchema } from '../../../api/rollout-list-wire.ts';
import { ana, firstRollout, play } from '../../../domain/release/release.fixture.ts';
import type { ServiceState } from '../../../domain/release/service-state.ts';
import { HttpProblem } from '../http/http-problem.ts';
import { rolloutPage } from './rollout-list.ts';

const nowMs = 20_000;
const everything = { sees: () => true, nowMs };

/** Of the fixture's service under another name: at rest, paused by hand, or rolled back. */
function named(name: string, how: 'stable' | 'paused' | 'rolled-back'): ServiceState {
  const { state } = play(how === 'stable' ? firstRollout() : firstRollout().slice(0, 1));
  const { rollout } = state;
  assert.ok(rollout !== null);
  const paused = how === 'paused' ? { atMs: 1, by: ana } : null;
  const back = {
    kind: 'rolled-back',
    atMs: 1,
    cause: { kind: 'gate', sentence: 'worse', atMs: 1 },
  } as unknown as typeof rollout.phase;
  const phase = how === 'rolled-back' ? back : rollout.phase;
  return { ...state, name, rollout: { ...rollout, id: `${name}-1`, phase, paused } };
}

function queryOf(query: Record<string, string> = {}): RolloutListQuery {
  return rolloutListQuerySchema.parse(query);
}

function namesOf(services: readonly ServiceState[], query: Record<string, string>): string[] {
  return rolloutPage(services, queryOf(query), everything).items.map(({ service }) => service);
}

const few = [
  named('calm', 'stable'),
  named('broken', 'rolled-back'),
  named('held', 'paused'),
  named('also-calm', 'stable'),
];

test('what needs somebody comes first, then by name or age as asked, and filters narrow it', () => {
  assert.deepEqual(namesOf(few, {}), ['broken', 'held', 'also-calm', 'calm']);
  assert.deepEqual(namesOf(few, { sort: 'service' }), ['also-calm', 'broken', 'calm', 'held']);
  assert.deepEqual(namesOf(few, { phase: 'Paused,RolledBack' }), ['broken', 'held']);
  assert.deepEqual(namesOf(few, { name: 'calm' }), ['also-calm', 'calm']);
  assert.throws(() => queryOf({ phase: 'Flying' }), /phase/);
  assert.throws(() => queryOf({ limit: '501' }), /limit/);
});

test('pages of 10,000 rollouts have each once, whatever changes its place or goes meanwhile', () => {
  const kinds = ['stable', 'paused', 'rolled-back'] as const;
  const patterns = kinds.map((kind) => named('x', kind));
  const services = Array.from({ length: 10_000 }, (_, index) => {
    const pattern = patterns[index % 3];
    assert.ok(pattern?.rollout);
    const name = `service-${(index * 7919) % 10_000}`;
    return { ...pattern, name, rollout: { ...pattern.rollout, id: `${name}-1` } };
  });
  const seen = new Set<string>();
  let left: readonly ServiceState[] = services;
  let next: string | null = null;
  let pages = 0;
  do {
    const query = queryOf({ limit: '500', ...(next === null ? {} : { continue: next }) });
    const page = rolloutPage(left, query, everything);
    for (const { service } of page.items) {
      assert.ok(!seen.has(service), service);
      seen.add(service);
    }
    // One that was shown goes; the rest stays where it is.
    left = left.filter(({ name }) => name !== page.items[0]?.service);
    next = page.continue;
    pages += 1;
  } while (next !== null && pages < 30);
  assert.deepEqual([seen.size, pages], [10_000, 20]);
});

test('who may see few is asked about no more than the page needs', () => {
  let asked = 0;
  const sees = (): boolean => {
    asked += 1;
    return true;
  };
  const page = rolloutPage(few, queryOf({ limit: '1' }), { sees, nowMs });
  assert.deepEqual([page.items.length, asked], [1, 2]);
  const none = rolloutPage(few, queryOf({ limit: '1' }), { sees: () => false, nowMs });
  assert.deepEqual(none, { items: [], continue: null });
});

test('a cursor of another order, or none at all, is refused and told how', () => {
  const page = rolloutPage(few, queryOf({ limit: '1' }), everything);
  assert.ok(page.continue !== null);
  const wrong = [
    { sort: 'service', continue: page.continue },
    { continue: 'x' },
    { continue: Buffer.from('{"a":1}').toString('base64url') },
    { continue: Buffer.from('["health"]').toString('base64url') },
  ];
  for (const query of wrong) {
    const ask = () => rolloutPage(few, queryOf(query), everything);
    assert.throws(ask, (error) => error instanceof HttpProblem && error.statusCode === 400);
  }
});
