import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usualHorizontalScaling } from '../scaling/horizontal.ts';
import { decide } from './decide.ts';
import type { ReleaseEvent, RevisionInstances } from './event.ts';
import { ana, awaitedKey, revisionOf, specOf, stepOf } from './release.fixture.ts';
import { activeRestart, restartOrder } from './restart.ts';
import { type Decision, emptyService, type ServiceState } from './service-state.ts';

const revision = revisionOf(1);
const id = (number: number): string => `${revision.id}-${number}`;
const plan = { ...specOf(1).plan, steps: [stepOf(100)], bakeMs: 0 };

function seen(...numbers: readonly number[]): readonly RevisionInstances[] {
  const counts = { ready: numbers.length, total: numbers.length, restarts: 0, reason: null };
  return [{ revisionId: revision.id, ...counts, readyIds: numbers.map(id) }];
}

/** A service at rest whose revision wants two instances, and what happens to it. */
class Story {
  state: ServiceState = emptyService('web');
  atMs = 0;

  constructor() {
    this.tell({ kind: 'apply', spec: specOf(1, { plan }), by: ana });
    this.ready(1, 2);
    this.tell({ kind: 'effect-done', key: awaitedKey(this.state) ?? '' });
    assert.equal(this.state.rollout?.phase.kind, 'promoted');
  }

  tell(event: Without<ReleaseEvent>): Decision {
    const decision = decide(this.state, { ...event, atMs: this.atMs });
    this.state = decision.state;
    return decision;
  }

  restart(...numbers: readonly number[]): Decision {
    const action = { kind: 'restart', instanceIds: numbers.map(id) } as const;
    return this.tell({ kind: 'operate', action, by: ana });
  }

  ready(...numbers: readonly number[]): Decision {
    return this.tell({ kind: 'instances', revisions: seen(...numbers) });
  }

  /** The platform has done what was ordered last. */
  done(): Decision {
    const phase = this.state.restart?.phase;
    return this.tell({
      kind: 'effect-done',
      key: phase?.kind === 'stopping' ? phase.effectKey : 'none',
    });
  }
}

type Without<Event> = Event extends unknown ? Omit<Event, 'atMs'> : never;

const effects = ({ record }: Decision): readonly string[] => record?.effects ?? [];

test('each instance goes after a new one is ready, and the last is followed by none', () => {
  const story = new Story();
  assert.deepEqual(effects(story.restart(1, 2)), [`run 3 of ${revision.id}`]);
  assert.equal(story.ready(1, 2).record, null);
  assert.deepEqual(effects(story.ready(1, 2, 3)), [`replace ${id(1)}, run 3 of ${revision.id}`]);
  assert.equal(story.done().record, null);
  // What is still shown of the one that has gone counts for nothing.
  assert.equal(story.ready(1, 2, 3).record, null);
  assert.equal(story.ready(2, 3).record, null);
  assert.deepEqual(effects(story.ready(2, 3, 4)), [`replace ${id(2)}, run 2 of ${revision.id}`]);
  const end = story.done();
  assert.equal(end.record?.decision, 'restarted');
  assert.deepEqual([activeRestart(story.state), end.effects], [null, []]);
});

test('an instance that is not ready goes as soon as enough others are', () => {
  const story = new Story();
  story.restart(2, 1);
  assert.equal(story.ready(1).record, null);
  assert.deepEqual(effects(story.ready(1, 3)), [`replace ${id(2)}, run 3 of ${revision.id}`]);
});

test('a new instance that is not ready in its time ends it, and the old ones stay', () => {
  const story = new Story();
  story.restart(1, 2);
  story.ready(1, 2);
  story.atMs += revision.health.startTimeoutMs + 5_000;
  assert.equal(story.tell({ kind: 'tick' }).record, null);
  story.atMs += 1;
  const end = story.tell({ kind: 'tick' });
  assert.deepEqual(
    [end.record?.decision, effects(end)],
    ['restart-ended', [`run 2 of ${revision.id}`]],
  );
  assert.match(end.record?.sentence ?? '', /after 0 of 2 instances: 1 of 2 others were ready/);
});

const refusals = [
  { name: 'a second restart', events: ['restart'], because: /a restart is under way since/ },
  { name: 'one of a service without instances', events: [], ids: [], because: /no instance/ },
  { name: 'one during a rollout', events: ['apply'], because: /web-2 is under way/ },
  { name: 'one of a service that is gone', events: ['delete'], because: /no service web/ },
] as const;
for (const { name, events, because, ...more } of refusals) {
  test(`${name} is refused`, () => {
    const story = new Story();
    for (const event of events) {
      if (event === 'restart') story.restart(1, 2);
      else if (event === 'apply') story.tell({ kind: 'apply', spec: specOf(2), by: ana });
      else story.tell({ kind: 'operate', action: { kind: 'delete' }, by: ana });
    }
    const { record } = 'ids' in more ? story.restart() : story.restart(1, 2);
    assert.equal(record?.decision, 'refuse');
    assert.match(record?.sentence ?? '', because);
  });
}

const ends = [
  { name: 'a rollout', event: { kind: 'apply', spec: specOf(2), by: ana }, decision: 'start' },
  {
    name: 'an abort',
    event: { kind: 'operate', action: { kind: 'abort' }, by: ana },
    decision: 'restart-ended',
  },
  {
    name: 'a refusal of the platform',
    event: {
      kind: 'effect-failed',
      key: 'web/9/run',
      effect: 'ensure-instances',
      revisionId: revision.id,
      message: 'the disk is full',
    },
    decision: 'restart-ended',
  },
] as const;
for (const { name, event, decision } of ends) {
  test(`${name} ends a restart, and its revision has its own number of instances again`, () => {
    const story = new Story();
    story.restart(1, 2);
    story.ready(1, 2, 3);
    const end = story.tell(event);
    assert.equal(end.record?.decision, decision);
    assert.ok(effects(end).includes(`run 2 of ${revision.id}`), effects(end).join('; '));
    assert.equal(story.state.restart?.phase.kind, 'given-up');
    // The order under way may still come to its end.
    assert.equal(story.tell({ kind: 'effect-done', key: 'web/9/replace' }).record, null);
  });
}

test('a server that comes back orders what was under way, by the same key', () => {
  const story = new Story();
  story.restart(1, 2);
  story.state = { ...story.state, instances: seen(1, 2, 3) };
  assert.ok(effects(story.tell({ kind: 'recovered' })).includes(`run 3 of ${revision.id}`));
  // Who was ready before may not be any more: that nobody has looked since is no reason to stop one.
  assert.equal(story.tell({ kind: 'tick' }).record, null);
  story.ready(1, 2, 3);
  const again = story.tell({ kind: 'recovered' });
  assert.ok(effects(again).includes(`replace ${id(1)}, run 3 of ${revision.id}`));
  story.done();
  assert.deepEqual(story.state.restart?.left, [id(2)]);
});

test('those go first that serve nobody, then the oldest', () => {
  const seen = [
    { id: id(10), state: 'ready' },
    { id: id(9), state: 'ready' },
    { id: id(11), state: 'backing-off' },
    { id: id(2), state: 'stopping' },
  ];
  assert.deepEqual(restartOrder(seen, revision), [id(11), id(9), id(10)]);
});

test('the number of instances does not follow the load while a restart is under way', () => {
  const scale = { ...usualHorizontalScaling, min: 2, max: 9 };
  const story = new Story();
  const scaled = { ...revision, scale };
  story.state = { ...story.state, stables: [scaled] };
  const arms = [{ revisionId: revision.id, instances: 5, sentence: 'busy', needs: null }];
  story.restart(1, 2);
  assert.equal(story.tell({ kind: 'scale', arms }).record, null);
  story.tell({ kind: 'operate', action: { kind: 'abort' }, by: ana });
  assert.deepEqual(effects(story.tell({ kind: 'scale', arms })), [`run 5 of ${revision.id}`]);
  // A restart goes by the number that was ordered last.
  assert.deepEqual(effects(story.restart(1, 2)), [`run 6 of ${revision.id}`]);
});
