import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GateSettings } from '../../src/domain/release/revision.ts';
import type { Happening } from './happening.ts';
import { judgeStory } from './oracle.ts';
import { replayFindings } from './replay-oracle.ts';
import { entryOf, inserted, said, withHappenings, withPlatform } from './retelling.ts';
import { runWorld } from './run-world.ts';
import { type Behaviour, type Fault, type Scenario, scenarioOf } from './scenario.ts';
import { happen, type Story } from './world.ts';

/** True stories of what the gate gives advice about, and lies about each that O10 and O14 to O16 must catch. */
type Telling = 'parked' | 'unparked' | 'replaced' | 'silent';

const lies: readonly {
  readonly name: string;
  readonly of: Telling;
  readonly rule: string;
  readonly retell: (story: Story) => Story;
}[] = [
  {
    name: 'a step forward while the candidate is parked',
    of: 'parked',
    rule: 'O14',
    retell: (story) => inserted(story, entryOf(story, 'park', 0), entryOf(story, 'advance', 1)),
  },
  {
    name: 'a parking with a share',
    of: 'parked',
    rule: 'O14',
    retell: (story) => ordered(story, 'park', '2 %'),
  },
  {
    name: 'probes of many requests',
    of: 'parked',
    rule: 'O14',
    retell: (story) => ordered(story, 'probe', '9.9 %'),
  },
  {
    name: 'more given back than it had',
    of: 'unparked',
    rule: 'O14',
    retell: (story) => ordered(story, 'unpark', '11 %'),
  },
  {
    name: 'a way back by the errors of one instance that nobody replaced',
    of: 'replaced',
    rule: 'O15',
    retell: (story) => {
      const entry = entryOf(story, 'replace', 0);
      const back = said(entry, {
        decision: 'roll-back',
        effects: [],
        verdict: { kind: 'fail' },
      });
      return withHappenings(story, (each) => (each === entry ? back : each));
    },
  },
  {
    name: 'an instance that stops while requests are sent to it',
    of: 'replaced',
    rule: 'O10',
    retell: (story) => {
      const stopping = story.happenings.find((each) => each.kind === 'stopping');
      assert.ok(stopping !== undefined);
      return inserted(story, entryOf(story, 'replace', 0), stopping);
    },
  },
  {
    name: 'a step forward in the silence',
    of: 'silent',
    rule: 'O16',
    retell: (story) => inserted(story, entryOf(story, 'alert', 0), later(story, 'advance')),
  },
  {
    name: 'an alert that is raised twice',
    of: 'silent',
    rule: 'O16',
    retell: (story) => inserted(story, entryOf(story, 'alert', 0), entryOf(story, 'alert', 0)),
  },
  {
    name: 'a silence without an alert',
    of: 'silent',
    rule: 'O16',
    retell: (story) => {
      const alert = entryOf(story, 'alert', 0);
      return withHappenings(story, (each) =>
        each === alert ? said(alert, { decision: 'progress' }) : each,
      );
    },
  },
];

for (const telling of ['parked', 'unparked', 'replaced', 'silent'] as const) {
  test(`the true story of a ${telling} candidate is not objected to`, async () => {
    const story = await told(telling);
    assert.deepEqual([...judgeStory(story).findings, ...(await replayFindings(story))], []);
  });
}

for (const { name, of, rule, retell } of lies) {
  test(`${name} is caught by ${rule}`, async () => {
    const { findings } = judgeStory(retell(await told(of)));
    assert.ok(
      findings.some((finding) => finding.rule === rule),
      JSON.stringify(findings),
    );
  });
}

test('a platform that replaces another instance than it was told is caught by O10', async () => {
  const { findings } = await runWorld(scenarioFor('replaced'), (ports) =>
    withPlatform(ports, {
      replace: (revision, { count }, signal) =>
        ports.platform.replace(revision, { count, instanceId: `${revision.id}-2` }, signal),
    }),
  );
  assert.ok(
    findings.some((finding) => finding.rule === 'O10'),
    JSON.stringify(findings),
  );
});

const stories = new Map<Telling, Promise<Story>>();

function told(of: Telling): Promise<Story> {
  const story = stories.get(of) ?? happen(scenarioFor(of));
  stories.set(of, story);
  return story;
}

/** web v1, then v2 with the trouble, at 500 requests/s and 10 %; nothing else interferes. */
function scenarioFor(of: Telling): Scenario {
  const scenario = scenarioOf(1);
  const [service] = scenario.services;
  const [first, second] = service?.specs ?? [];
  assert.ok(service !== undefined && first !== undefined && second !== undefined);
  const settings: Partial<GateSettings> =
    of === 'replaced' ? { replaceWithinMs: 20_000 } : of === 'silent' ? {} : { incidentMs: 2_000 };
  const behaviours: Readonly<Record<Telling, Behaviour>> = {
    parked: { kind: 'failing', ratio: 1, afterMs: 0 },
    // Now and then all probes of a window go well.
    unparked: { kind: 'failing', ratio: 0.45, afterMs: 0 },
    replaced: { kind: 'bad-instance' },
    silent: { kind: 'healthy' },
  };
  const step = { match: null, atLeastMs: 0, gated: true, wait: { kind: 'none' } } as const;
  const steps = [
    { ...step, weightPercent: 10 },
    { ...step, weightPercent: 100, gated: false },
  ];
  const gate: GateSettings = {
    falseRollbackRatio: 0.001,
    falsePromotionRatio: 0.05,
    worseByRatio: 0.03,
    soakMs: of === 'silent' ? 30_000 : 3_000,
    atMostMs: 60_000,
    ...settings,
  };
  const specs = [first, second].map((spec) => ({
    ...spec,
    plan: { ...spec.plan, steps, gate, bakeMs: 0, objectives: [] },
    revision: { ...spec.revision, instances: 3 },
  }));
  const hand = { kind: 'apply', service: service.name } as const;
  const silence: Fault = {
    kind: 'metrics-lost',
    fromMs: 25_000,
    untilMs: 75_000,
    ratio: 1,
    durationMs: 0,
  };
  return {
    ...scenario,
    tickMs: 1_000,
    services: [
      {
        ...service,
        requestsPerSecond: 500,
        baseRatio: 0,
        incidents: null,
        specs,
        behaviours: new Map<string, Behaviour>([
          [first.revision.id, { kind: 'healthy' }],
          [second.revision.id, behaviours[of]],
        ]),
      },
    ],
    hands: specs.map((spec, index) => ({ ...hand, atMs: 100 + index * 9_000, spec })),
    faults: of === 'silent' ? [silence] : [],
    crashes: [],
  };
}

/** The first entry of this decision orders another share for the candidate. */
function ordered(story: Story, decision: string, share: string): Story {
  const entry = entryOf(story, decision, 0);
  const { toRevisionId } = entry.statement.data as { readonly toRevisionId: string };
  const lie = said(entry, { effects: [`route web.localhost to ${toRevisionId} ${share}`] });
  return withHappenings(story, (each) => (each === entry ? lie : each));
}

/** The newest step forward as if it had been taken when the alert was raised. */
function later(story: Story, decision: string): Happening {
  const { atMs } = entryOf(story, 'alert', 0);
  return { ...entryOf(story, decision, 1), atMs };
}
