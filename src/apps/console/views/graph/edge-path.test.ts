import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathThrough } from './edge-path.ts';

const at = (x: number, y: number) => ({ x, y });

test('a path goes through its points, and rounds its corners as far as there is room', () => {
  assert.equal(pathThrough([]), '');
  assert.equal(pathThrough([at(0, 0), at(10, 0)]), 'M 0 0 L 10 0');
  const corner = pathThrough([at(0, 0), at(100, 0), at(100, 100)]);
  assert.equal(corner, 'M 0 0 L 94 0 Q 100 0 100 6 L 100 100');
  const tight = pathThrough([at(0, 0), at(4, 0), at(4, 4)]);
  assert.equal(tight, 'M 0 0 L 2 0 Q 4 0 4 2 L 4 4');
  assert.ok(!pathThrough([at(1, 1), at(1, 1), at(1, 1)]).includes('NaN'));
});
