import assert from 'node:assert/strict';
import { test } from 'node:test';
import { actionWords, offeredActions, refusalOf, subjectOf } from './action-state.ts';

test('what can be done goes by where the rollout stands', () => {
  const rows = [
    ['judging', false, 'promote pause abort promote-full'],
    ['waiting', false, 'promote pause abort promote-full'],
    ['baking', true, 'promote resume abort promote-full'],
    ['rolled-back', false, 'retry undo'],
    ['promoted', false, 'undo'],
  ] as const;
  for (const [phase, isPaused, actions] of rows) {
    assert.equal(offeredActions(subjectOf({ phase, isPaused })).join(' '), actions, phase);
  }
});

test('no two actions have one key', () => {
  assert.equal(new Set(actionWords.map(({ key }) => key)).size, actionWords.length);
});

test('what somebody may not do has a reason that names them and their roles', () => {
  const ann = { name: 'ann', roles: ['viewer'] };
  assert.equal(refusalOf('pause', ann, ['rollouts:pause']), null);
  assert.match(refusalOf('abort', ann, ['rollouts:pause']) ?? '', /^ann \(viewer\) may not abort/);
  assert.match(refusalOf('undo', { name: 'bo', roles: [] }, []) ?? '', /no role/);
});

test('until it is known who asks, nothing is refused: the server judges by itself', () => {
  assert.equal(refusalOf('abort', null, null), null);
});
