import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReleaseFiles } from './parse-release-files.ts';
import { formatProblem } from './problem.ts';

function parse(budget: string) {
  const text = `apiVersion: tidegate.dev/v1
kind: Service
metadata: { name: shop }
spec: { run: { command: [node] }, disruptionBudget: ${budget} }
`;
  return parseReleaseFiles([{ path: 'shop.yaml', text }]);
}

test('a budget is read as a number or a percentage', () => {
  const read = (text: string) => parse(text).services[0]?.disruptionBudget;
  assert.deepEqual(read('{ minAvailable: 2 }'), {
    kind: 'min-available',
    amount: { kind: 'count', count: 2 },
  });
  assert.deepEqual(read('{ maxUnavailable: 25% }'), {
    kind: 'max-unavailable',
    amount: { kind: 'percent', percent: 25 },
  });
});

const refused: readonly (readonly [string, RegExp])[] = [
  ['{}', /must have one of minAvailable, maxUnavailable; it has neither/],
  ['{ minAvailable: 1, maxUnavailable: 1 }', /it has both/],
  ['{ minAvailable: -1 }', /must be 0 to 1000 or a percentage, not -1/],
  ['{ maxUnavailable: 101% }', /101%/],
  ['{ maxUnavailabel: 1 }', /did you mean "maxUnavailable"/],
];
for (const [budget, wanted] of refused) {
  test(`disruptionBudget: ${budget} is refused`, () => {
    assert.match(parse(budget).problems.map(formatProblem).join('\n'), wanted);
  });
}
