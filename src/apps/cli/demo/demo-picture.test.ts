import assert from 'node:assert/strict';
import { test } from 'node:test';

import { plainLook } from '../look.ts';
import { acts } from './acts.ts';
import { type DemoPicture, pictureLines, rolloutKey, rolloutLine, stamp } from './demo-picture.ts';
import { rolloutView } from './rollout-view.fixture.ts';

const begun: DemoPicture = {
  elapsedMs: 12_345,
  targetRps: 800,
  gatewayUrl: 'http://127.0.0.1:40001',
  load: { requests: 3210, errors: 1, rps: 799.6, p99Ms: 41.7 },
  rollouts: new Map([['v2', rolloutView()]]),
  news: ['first', 'server killed'],
};

test('the picture looks like this', () => {
  assert.deepEqual(pictureLines(begun, plainLook), [
    'Tidegate demo  web -> checkout -> payments  gateway http://127.0.0.1:40001  12 s',
    'load     800 of 800 requests/s, 3,210 sent, 1 failed, p99 42 ms',
    '',
    '> checkout v1 -> v2  healthy; the server is killed on the way',
    '  [##..................]  wanted  10 %  measured 9.96 %   1,205 requests, 1 failed',
    '  evidence against 1.8 (back at 1,000), for 12 (on at 20)',
    '  step 1 of 3 at 10 %',
    '',
    '',
    '. checkout v2 -> v3  fails 5 % of its requests',
    '',
    '',
    '',
    '',
    '',
    '. checkout v2 -> v4  dead: fails every request',
    '',
    '',
    '',
    '',
    '',
    'server killed',
  ]);
});

test('the picture keeps its height from the first moment to the last', () => {
  const empty = { ...begun, gatewayUrl: null, load: null, rollouts: new Map(), news: [] };
  const full = {
    ...begun,
    rollouts: new Map(
      acts.map(({ to }) => [to, rolloutView({ phase: 'rolled-back', gate: null })]),
    ),
  };
  const heights = [empty, begun, full].map((picture) => pictureLines(picture, plainLook).length);
  assert.deepEqual(heights, [22, 22, 22]);
});

test('one that went back shows what it had as the past', () => {
  const back = rolloutView({ phase: 'rolled-back', wantedSharePercent: 0 });
  const lines = pictureLines({ ...begun, rollouts: new Map([['v2', back]]) }, plainLook);
  assert.equal(
    lines[4],
    '  [....................]  wanted   0 %  it had   9.96 %   1,205 requests, 1 failed',
  );
});

test('a long sentence takes two lines and no more', () => {
  const look = { ...plainLook, isInteractive: true, columns: 60 };
  const picture = {
    ...begun,
    rollouts: new Map([['v2', rolloutView({ sentence: 'word '.repeat(60) })]]),
  };
  const lines = pictureLines(picture, look);
  assert.equal(lines.length, 22);
  assert.ok((lines[6] ?? '').length <= 60 && (lines[7] ?? '').endsWith('...'), lines[7]);
});

test('what services say cannot steer the terminal', () => {
  const picture = {
    ...begun,
    rollouts: new Map([['v2', rolloutView({ sentence: 'a\u001B[2Jb\nc' })]]),
  };
  assert.ok(pictureLines(picture, plainLook).every((line) => !/\p{Cc}/u.test(line)));
});

test('a line is worth writing when the phase, the weight or the verdict changed, not when counts grew', () => {
  const base = rolloutView();
  const grown = rolloutView({
    totals: { ...base.totals, candidate: { requests: 999, failures: 2 } },
    sentence: 'other numbers',
  });
  assert.equal(rolloutKey(base), rolloutKey(grown));
  for (const change of [
    { phase: 'baking' },
    { stepNumber: 2 },
    { wantedSharePercent: 50 },
  ] as const) {
    assert.notEqual(rolloutKey(base), rolloutKey(rolloutView(change)), JSON.stringify(change));
  }
});

test('a line says where it really came from', () => {
  const act = acts[1];
  assert.ok(act);
  assert.equal(
    rolloutLine(act, rolloutView(), plainLook),
    'checkout v1 -> v3  10 %, measured 9.96 %, 1,205 requests, 1 failed; step 1 of 3 at 10 %',
  );
  assert.equal(stamp(12_345), '[ 12.3 s]');
});
