import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workerJournal } from './gateway-journal.ts';

test('the journal says each loss of a worker, and when all serve again', () => {
  const said: string[] = [];
  const hear = workerJournal((sentence) => said.push(sentence));
  for (const [serving, lost] of [
    [4, 1],
    [4, 1],
    [3, 2],
    [1, 4],
    [2, 4],
    [4, 4],
  ] as const) {
    hear({ wanted: 4, serving, lost });
  }
  assert.deepEqual(said, [
    'a worker of the gateway ended, and what was held there is lost; 3 of 4 serve',
    '2 workers of the gateway ended, and what was held there is lost; 1 of 4 serve',
    'all 4 workers of the gateway serve again',
  ]);
  // Another gateway process: nothing of it has been lost yet.
  hear({ wanted: 4, serving: 4, lost: 0 });
  assert.equal(said.length, 3);
});
