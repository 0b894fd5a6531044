import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runWorld } from './run-world.ts';
import { scenarioOf } from './scenario.ts';
import { addWorld, newSummary } from './summary.ts';

const worlds = 2_000;
/** The highest alpha that a scenario's gate may have. */
const falseRollbackRatioMax = 0.01;

test('2,000 worlds with faults, crashes and hands break no invariant', async (context) => {
  const summary = newSummary();
  for (let seed = 1; seed <= worlds; seed += 1) {
    const result = await runWorld(scenarioOf(seed));
    addWorld(summary, result);
    const [first] = result.findings;
    if (first === undefined) continue;
    assert.fail(
      `seed ${seed}: ${first.rule}: ${first.text}\n` +
        `again: npm run simulate -- --worlds 1 --seed ${seed} --trace`,
    );
  }
  const { crashes, entries, healthy, healthyThrownBack, outcomes } = summary;
  context.diagnostic(`${crashes} crashes, ${entries} entries, ${[...outcomes].join(' ')}`);
  // A simulation in which nothing happens would pass as well.
  assert.ok(crashes > worlds / 2, `${crashes} crashes`);
  for (const outcome of ['promoted', 'rolled-back', 'deleted']) {
    assert.ok((outcomes.get(outcome) ?? 0) > worlds / 20, `${outcome}: ${outcomes.get(outcome)}`);
  }
  const expected = healthy * falseRollbackRatioMax;
  const bound = expected + 3 * Math.sqrt(expected);
  assert.ok(healthyThrownBack <= bound, `${healthyThrownBack} of ${healthy} healthy thrown back`);
});
