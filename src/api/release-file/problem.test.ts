import assert from 'node:assert/strict';
import test from 'node:test';
import { nearestKey } from './nearest-key.ts';
import { formatProblem } from './problem.ts';
import type { Problem } from './problem.ts';

const problem: Problem = {
  path: 'shop.yaml',
  line: 12,
  column: 7,
  message: 'unknown key "wieght"',
  hint: 'did you mean "weight"?',
  sourceLine: '    - wieght: 5%',
};

test('a problem is shown with its place, its line and a caret', () => {
  const want =
    'shop.yaml:12:7: unknown key "wieght"; did you mean "weight"?\n      - wieght: 5%\n        ^';
  assert.equal(formatProblem(problem), want);
});

test('nothing is suggested where there is no hint, and an empty line is not drawn', () => {
  assert.equal(
    formatProblem({ ...problem, hint: null, sourceLine: '' }),
    'shop.yaml:12:7: unknown key "wieght"',
  );
});

test('a tab before the place is kept under it', () => {
  const [, line, caret] = formatProblem({ ...problem, sourceLine: '\ta\tb: c', column: 4 }).split(
    '\n',
  );
  assert.deepEqual([line, caret], ['  \ta\tb: c', '  \t \t^']);
});

test('a long line is cut around the place', () => {
  const sourceLine = `${'a'.repeat(5000)}X${'b'.repeat(5000)}`;
  const [, line = '', caret = ''] = formatProblem({ ...problem, sourceLine, column: 5001 }).split(
    '\n',
  );
  assert.equal(line[caret.length - 1], 'X');
  assert.equal(line.length, '  …'.length + 120 + '…'.length);
});

test('control characters of a file never reach the terminal', () => {
  const shown = formatProblem({
    ...problem,
    path: 'a\nb',
    sourceLine: 'x\u001B[2Jy\u202E',
    message: 'bad \u0007',
  });
  assert.equal(
    shown.split('\n').slice(0, 2).join('|'),
    'a·b:12:7: bad ·; did you mean "weight"?|  x·[2Jy·',
  );
});

test('the nearest known key is found, and none where all are far', () => {
  const known = ['weight', 'gate', 'pause', 'min', 'max', 'livePath'];
  const rows: readonly (readonly [string, string | null])[] = [
    ['wieght', 'weight'],
    ['wait', null],
    ['weigth', 'weight'],
    ['Gate', 'gate'],
    ['paus', 'pause'],
    ['mn', 'min'],
    ['mux', 'max'],
    ['livepath', 'livePath'],
    ['colour', null],
    ['', null],
    ['w'.repeat(1_000_000), null],
  ];
  for (const [typed, want] of rows)
    assert.equal(nearestKey(typed, known), want, typed.slice(0, 20));
});
