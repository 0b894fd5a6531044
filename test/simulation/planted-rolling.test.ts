import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../src/domain/evidence/canonical-json.ts';
import type { Of } from './happening.ts';
import { judgeStory } from './oracle.ts';
import { said, withHappenings, withPlatform } from './retelling.ts';
import { runWorld } from './run-world.ts';
import { type Scenario, scenarioOf } from './scenario.ts';
import { happen, type Story } from './world.ts';

/** A true story of a rolling update of two instances by two, with one more meanwhile and none fewer; and lies that O20 must catch. */
const lies: readonly {
  readonly name: string;
  readonly retell: (effects: readonly string[]) => readonly string[];
}[] = [
  {
    name: 'more instances ordered than the surge allows',
    retell: (effects) => effects.map((each) => each.replace(/^run \d+ of/, 'run 9 of')),
  },
  {
    name: 'all of the old ordered to go before a new one serves',
    retell: (effects) => [...effects, `stop ${stableId}`],
  },
];

const [scenario, stableId] = rollingScenario();

test('the true story of a rolling update is not objected to, and has moves to look at', async () => {
  const story = await happen(scenario);
  assert.deepEqual(judgeStory(story).findings, []);
  assert.ok(moves(story).length >= 3, `${moves(story).length} moves`);
});

for (const { name, retell } of lies) {
  test(`${name} is caught by O20`, async () => {
    const story = await happen(scenario);
    const [first] = moves(story);
    assert.ok(first !== undefined);
    const effects = (first.statement.data as JsonObject)['effects'] as readonly string[];
    const lie = said(first, { effects: [...retell(effects)] });
    const { findings } = judgeStory(withHappenings(story, (each) => (each === first ? lie : each)));
    assert.ok(
      findings.some(({ rule }) => rule === 'O20'),
      JSON.stringify(findings),
    );
  });
}

test('a platform that starts one more than is ordered is caught by O20', async () => {
  const { findings } = await runWorld(scenario, (ports) =>
    withPlatform(ports, {
      ensure: (revision, count, signal) =>
        ports.platform.ensure(revision, revision.id === stableId ? count : count + 1, signal),
    }),
  );
  assert.ok(
    findings.some(({ rule }) => rule === 'O20'),
    JSON.stringify(findings),
  );
});

function moves({ happenings }: Story): readonly Of<'entry'>[] {
  return happenings.filter(
    (each) => each.kind === 'entry' && (each.statement.data as JsonObject)['decision'] === 'roll',
  ) as readonly Of<'entry'>[];
}

/** The first scenario whose service has two instances before and after, made to roll from its first to its second version. */
function rollingScenario(): readonly [Scenario, string] {
  for (let seed = 1; ; seed += 1) {
    const found = scenarioOf(seed);
    const [service] = found.services;
    const [first, second] = service?.specs ?? [];
    if (service === undefined || first === undefined || second === undefined) continue;
    const { strategy } = second.plan;
    const isOne = strategy?.kind === 'rolling' && strategy.maxUnavailable.kind === 'count';
    if (!isOne || strategy.maxUnavailable.kind !== 'count') continue;
    const isSafe = strategy.maxUnavailable.count === 0;
    const isPair = first.revision.instances === 2 && second.revision.instances === 2;
    if (!isSafe || !isPair) continue;
    const behaviours = new Map(
      [first, second].map(({ revision }) => [revision.id, { kind: 'healthy' }] as const),
    );
    const hand = { kind: 'apply', service: service.name } as const;
    const calm = { services: [{ ...service, behaviours }], faults: [], crashes: [] };
    const hands = [
      { ...hand, atMs: 100, spec: first },
      { ...hand, atMs: 9_000, spec: second },
    ];
    return [{ ...found, ...calm, hands }, first.revision.id];
  }
}
