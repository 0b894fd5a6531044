import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlFrames } from './session-limits.ts';

function taken(control: ControlFrames, nowMs: number, tried: number): number {
  let count = 0;
  for (let frame = 0; frame < tried; frame += 1) if (control.take(nowMs)) count += 1;
  return count;
}

test('a burst of 1,000 control frames is taken, and 100 a second from then on', () => {
  const control = new ControlFrames(0);
  assert.equal(taken(control, 0, 2000), 1000);
  assert.equal(taken(control, 9, 10), 0);
  assert.equal(taken(control, 15, 10), 1);
  assert.equal(taken(control, 1015, 2000), 100);
  assert.equal(taken(control, 1_000_000, 5000), 1000);
});
