import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteTable } from '../../src/domain/traffic/routing/route-table.ts';
import type { Ports } from './faulty-ports.ts';
import type { Happening } from './happening.ts';
import { judgeStory } from './oracle.ts';
import { replayFindings } from './replay-oracle.ts';
import { entryOf, inserted, said, withHappenings, withPlatform } from './retelling.ts';
import { runWorld } from './run-world.ts';
import { readSaid } from './service-record.ts';
import { type Behaviour, type Scenario, scenarioOf } from './scenario.ts';
import { type Break, happen, type Story } from './world.ts';

/** Worlds to look for one in which the broken part gets its chance. */
const worldsMax = 40;

/** Broken parts between the control plane and the world, and the rule each must be caught by. */
const sabotages: readonly {
  readonly name: string;
  readonly rule: string;
  readonly sabotage: Break;
}[] = [
  {
    name: 'a router that gives the candidate ten percent more than asked',
    rule: 'O5',
    sabotage: (ports) => withRouter(ports, shifted),
  },
  {
    name: 'a router that keeps a candidate it should drop',
    rule: 'O3',
    sabotage: (ports) => {
      let before: RouteTable | null = null;
      return withRouter(ports, (table) => {
        const kept = before;
        before = table;
        const isBack =
          kept !== null && JSON.stringify(kept.routes).length > JSON.stringify(table.routes).length;
        return isBack ? { version: table.version, routes: kept.routes } : table;
      });
    },
  },
  {
    name: 'a checker that finds every standby well',
    rule: 'O18',
    sabotage: (ports) => ({
      ...ports,
      standby: {
        check: async ({ host, plan }, signal) => {
          const report = await ports.standby.check({ host, plan }, signal);
          if (report.kind === 'not-made') return report;
          return { ...report, checks: report.checks.map((each) => ({ ...each, status: 200 })) };
        },
      },
    }),
  },
  {
    name: 'a router that gives a standby users at once',
    rule: 'O18',
    sabotage: (ports) =>
      withRouter(ports, (table) => ({
        ...table,
        routes: table.routes.map((route) => {
          const [stable, candidate, ...others] = route.backends;
          if (route.previewRevisionId === undefined) return route;
          if (stable === undefined || candidate === undefined) return route;
          const backends = [
            { ...stable, weightPercent: 90 },
            { ...candidate, weightPercent: 10 },
            ...others,
          ];
          return { ...route, backends };
        }),
      })),
  },
  {
    name: 'a router that turns a flag before its step',
    rule: 'O19',
    sabotage: (ports) =>
      withRouter(ports, (table) => {
        const turn = { flag: 'new', variant: 'on', rolloutId: 'web-9', stepNumber: 1 };
        const flags = table.flags?.map((each) => ({ ...each, turns: [turn] }));
        return flags === undefined ? table : { ...table, flags };
      }),
  },
  {
    name: 'a router that keeps a flag turned that it should turn back',
    rule: 'O19',
    sabotage: (ports) => {
      const turned = new Map<string, NonNullable<RouteTable['flags']>[number]['turns']>();
      return withRouter(ports, (table) => {
        const flags = table.flags?.map((each) => {
          if (each.turns.length > 0) turned.set(each.revisionId, each.turns);
          return { ...each, turns: turned.get(each.revisionId) ?? [] };
        });
        return flags === undefined ? table : { ...table, flags };
      });
    },
  },
  {
    name: 'a store that says it has an entry and has not',
    rule: 'O5',
    sabotage: ({ store, ...ports }) => {
      let appends = 0;
      return {
        ...ports,
        store: {
          append: (batch, signal) => {
            appends += 1;
            return appends === 5 ? Promise.resolve('appended') : store.append(batch, signal);
          },
          head: (signal) => store.head(signal),
          read: (query, signal) => store.read(query, signal),
          blob: (sha256, signal) => store.blob(sha256, signal),
        },
      };
    },
  },
  {
    name: 'a platform that stops what runs when something new starts',
    rule: 'O10',
    sabotage: (ports) => {
      const started = new Map<string, Parameters<typeof ports.platform.stop>[0]>();
      return withPlatform(ports, {
        ensure: async (revision, count, signal) => {
          const before = started.get(revision.service);
          started.set(revision.service, revision);
          if (before !== undefined && before.id !== revision.id) {
            await ports.platform.stop(before, signal);
          }
          return ports.platform.ensure(revision, count, signal);
        },
      });
    },
  },
  {
    name: 'a platform that does not stop',
    rule: 'O4',
    sabotage: (ports) => withPlatform(ports, { stop: () => Promise.resolve() }),
  },
  {
    name: 'a platform that fails in a way nobody planned',
    rule: 'O13',
    sabotage: (ports) => withPlatform(ports, { ensure: () => Promise.reject(new Error('a bug')) }),
  },
];

for (const { name, rule, sabotage } of sabotages) {
  test(`${name} is caught by ${rule}`, async () => {
    for (let seed = 1; seed <= worldsMax; seed += 1) {
      const { findings } = await runWorld(scenarioOf(seed), sabotage);
      if (findings.some((finding) => finding.rule === rule)) return;
    }
    assert.fail(`not caught in ${worldsMax} worlds`);
  });
}

/** A true story of a healthy promotion and of a rollback, retold with one lie each. */
const lies: readonly {
  readonly name: string;
  readonly rule: string;
  readonly retell: (story: Story) => Story;
}[] = [
  {
    name: 'weights in force that sum to 110',
    rule: 'O1',
    retell: (story) =>
      withHappenings(story, (each) =>
        each.kind === 'in-force' ? { ...each, table: heavy(each.table) } : each,
      ),
  },
  {
    name: 'a rollout that begins beside another',
    rule: 'O2',
    retell: (story) => {
      const start = entryOf(story, 'start', 1);
      return inserted(story, start, said(start, { rolloutId: 'web-99' }));
    },
  },
  {
    name: 'a step forward after the way back',
    rule: 'O3',
    retell: (story) =>
      inserted(story, entryOf(story, 'roll-back', 0), entryOf(story, 'advance', 1)),
  },
  {
    name: 'a rollout that never says how it went on',
    rule: 'O6',
    retell: (story) => {
      const place = story.happenings.indexOf(entryOf(story, 'start', 1));
      const happenings = story.happenings.filter(
        (each, at) => each.kind !== 'entry' || at <= place,
      );
      return { ...story, happenings, endedAtMs: story.endedAtMs + 60_000 };
    },
  },
  {
    name: 'an entry that is there twice',
    rule: 'O7',
    retell: (story) => {
      const entry = entryOf(story, 'promoted', 0);
      return inserted(story, entry, entry);
    },
  },
  {
    name: 'a record that its events do not give',
    rule: 'O7',
    retell: (story) => {
      const entry = entryOf(story, 'promoted', 0);
      return withHappenings(story, (each) =>
        each === entry ? said(entry, { weightPercent: 50 }) : each,
      );
    },
  },
  {
    name: 'a promotion of a candidate that fails every request',
    rule: 'O8',
    retell: (story) => {
      const entry = entryOf(story, 'roll-back', 0);
      return withHappenings(story, (each) =>
        each === entry ? said(entry, { decision: 'promoted' }) : each,
      );
    },
  },
  {
    name: 'an entry older than the one before',
    rule: 'O9',
    retell: (story) => {
      const entry = entryOf(story, 'roll-back', 0);
      return withHappenings(story, (each) => (each === entry ? said(entry, { atMs: 1 }) : each));
    },
  },
  {
    name: 'a minute of failures that nobody ended',
    rule: 'O11',
    retell: (story) => {
      const entry = entryOf(story, 'bake', 0, 'advance');
      const revisionId = readSaid(entry.statement).toRevisionId ?? '';
      const harm = (second: number): Happening => {
        return { kind: 'harm', revisionId, requests: 100, atMs: entry.atMs + second * 1_000 };
      };
      return inserted(story, entry, ...Array.from({ length: 60 }, (_each, second) => harm(second)));
    },
  },
  {
    name: 'a step forward during a pause',
    rule: 'O12',
    retell: (story) => {
      const entry = entryOf(story, 'start', 1);
      return inserted(story, entry, said(entry, { decision: 'pause' }));
    },
  },
];

test('the true story is not objected to', async () => {
  const story = await told();
  assert.deepEqual([...judgeStory(story).findings, ...(await replayFindings(story))], []);
});

for (const { name, rule, retell } of lies) {
  test(`${name} is caught by ${rule}`, async () => {
    const story = retell(await told());
    const findings = [...judgeStory(story).findings, ...(await replayFindings(story))];
    assert.ok(
      findings.some((finding) => finding.rule === rule),
      JSON.stringify(findings),
    );
  });
}

test('one seed gives one story', async () => {
  const tell = async () => JSON.stringify((await happen(scenarioOf(7))).happenings);
  assert.equal(await tell(), await tell());
});

/** web v1, then v2 which fails every request, at 500 requests/s; nothing interferes. */
function told(): Promise<Story> {
  return happen(deadCandidate());
}

function deadCandidate(): Scenario {
  for (let seed = 1; ; seed += 1) {
    const scenario = scenarioOf(seed);
    const [service] = scenario.services;
    const [first, second] = service?.specs ?? [];
    if (service === undefined || first === undefined || second === undefined) continue;
    const [step] = second.plan.steps;
    const isGated = step !== undefined && step.gated && step.weightPercent >= 5;
    if (!isGated || service.requestsPerSecond < 200) continue;
    const dead: Behaviour = { kind: 'failing', ratio: 1, afterMs: 0 };
    const behaviours = new Map([...service.behaviours, [second.revision.id, dead] as const]);
    const hand = { kind: 'apply', service: service.name } as const;
    return {
      ...scenario,
      services: [{ ...service, behaviours }],
      hands: [
        { ...hand, atMs: 100, spec: first },
        { ...hand, atMs: 9_000, spec: second },
      ],
      faults: [],
      crashes: [],
    };
  }
}

function heavy(table: RouteTable): RouteTable {
  const routes = table.routes.map((route) => ({
    ...route,
    backends: route.backends.map((each) => ({ ...each, weightPercent: each.weightPercent * 1.1 })),
  }));
  return { ...table, routes };
}

function shifted(table: RouteTable): RouteTable {
  const routes = table.routes.map((route) => {
    const [first, second] = route.backends;
    if (first === undefined || second === undefined || first.weightPercent < 20) return route;
    const backends = [
      { ...first, weightPercent: first.weightPercent - 10 },
      { ...second, weightPercent: second.weightPercent + 10 },
    ];
    return { ...route, backends };
  });
  return { ...table, routes };
}

function withRouter(ports: Ports, change: (table: RouteTable) => RouteTable): Ports {
  const { router } = ports;
  return {
    ...ports,
    router: {
      apply: (table, signal) => router.apply(change(table), signal),
      drain: (revisionId, signal) => router.drain(revisionId, signal),
      version: (signal) => router.version(signal),
    },
  };
}
