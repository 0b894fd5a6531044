import { PersonDirectory } from '../../src/domain/evidence/approval/person-directory.ts';
import { EvidenceCheck } from '../../src/domain/evidence/evidence-check.ts';
import { releaseFacts } from '../../src/domain/evidence/release-facts.ts';
import type { Route } from '../../src/domain/traffic/routing/route-table.ts';
import type { Happening, Of } from './happening.ts';
import { FlagRules } from './flags.ts';
import { endRules } from './oracle-end.ts';
import { adviceRules } from './oracle-advice.ts';
import { HarmMeter } from './oracle-harm.ts';
import { entryRules, newService, type SeenRollout, type SeenService } from './oracle-entries.ts';
import { RollingRules } from './oracle-rolling.ts';
import { StandbyRules } from './oracle-standby.ts';
import { TelemetryRules } from './oracle-telemetry.ts';
import { effectsOf, readSaid } from './service-record.ts';
import type { Story } from './world.ts';

/**
 * Judges a world by what could be seen from outside: what the router had in force, which instances ran, what the ledger
 * says, what hands asked. It shares no code with the decider, so that a mistake there is not a mistake here.
 *
 * O1   Weights in force sum to 100 for each route.
 * O2   At most one rollout of a service is under way.
 * O3   After a way back was recorded, nothing raises the candidate's weight again: no entry, and no table made later.
 * O4   Once things have settled, only the stable revision and the candidate under way run, and an ended rollout has left
 *      all traffic on stable.
 * O5   What is in force is what a durable entry ordered before the table was made; only a way back may precede its entry.
 * O6   Once nothing interferes any more, every rollout ends, or holds for a reason that the ledger names; and a healthy
 *      candidate with enough traffic and no hands in its way is promoted.
 * O7   Entries are contiguous, none is there twice, and replaying their events gives the same records. (replay-oracle.ts)
 * O8   A candidate that fails every request never passes a gate; a healthy one is thrown back by it about as rarely as
 *      alpha says (over many worlds: `gateThrewBackHealthy`).
 * O9   Time in the ledger never goes back.
 * O10  Instances are stopped only when the table in force sends nothing to them.
 * O11  While nothing but the ledger is in trouble, a failing candidate harms users for a bounded time.
 * O12  Nothing goes forward by itself while a person has paused it.
 * O13  The loop never ends by itself.
 * O14  A parked candidate has no share but that of a few probes, and nothing but giving its share back, a person or the way
 *      back ends that; what it gets back is the share it had.
 * O15  Where the file has single instances replaced, no gate throws a version back by errors that are all on one of several
 *      before that one was replaced; and only an instance is replaced that nothing is sent to (O10).
 * O16  While samples stay away or can't be, nothing goes forward by itself; and when that lasts, there is an alert, once.
 * O17  What the first entry of a rollout says has to follow is in the ledger, and in order, also where servers died in between.
 * O18  A standby gets users by one switch and after an entry that says it may; and nothing else has a preview address.
 * O19  A flag is turned in a table only after an entry that says so, and in none that is made after its rollout went back.
 * O20  A rolling update orders at most `maxSurge` more instances than are wanted, no candidate has more than were ordered, and
 *      none that serves is ordered to go while fewer than wanted less `maxUnavailable` would be left.
 */
export interface Finding {
  readonly rule: string;
  readonly atMs: number;
  readonly text: string;
}

export interface Judgement {
  readonly findings: readonly Finding[];
  readonly rollouts: readonly SeenRollout[];
}

export function judgeStory(story: Story): Judgement {
  const judge = new Judge(story);
  for (const [index, happening] of story.happenings.entries()) judge.see(happening, index);
  return judge.end();
}

class Judge {
  readonly #story: Story;
  readonly #services = new Map<string, SeenService>();
  readonly #findings: Finding[] = [];
  readonly #harm: HarmMeter;
  readonly #ears: TelemetryRules;
  readonly #standbys = new StandbyRules();
  readonly #flags = new FlagRules();
  readonly #rollings = new RollingRules();
  #inForce: readonly Route[] = [];
  readonly #evidence = new EvidenceCheck(new PersonDirectory());
  #lastObservedAtMs = 0;
  #entries = 0;

  constructor(story: Story) {
    this.#story = story;
    this.#harm = new HarmMeter(story);
    this.#ears = new TelemetryRules(story);
    for (const { name } of story.scenario.services) this.#services.set(name, newService(name));
  }

  see(happening: Happening, index: number): void {
    const note = (rule: string, text: string): void => {
      this.#findings.push({ rule, atMs: happening.atMs, text });
    };
    switch (happening.kind) {
      case 'entry':
        return this.#seeEntry(happening, index, note);
      case 'in-force':
        return this.#seeTable(happening, note);
      case 'stopping':
        return this.#seeStopping(happening, note);
      case 'harm':
        return this.#harm.see(happening, [...this.#services.values()], note);
      case 'defect':
        return note('O13', happening.text.split('\n')[0] ?? '');
      case 'down':
      case 'up':
        this.#ears.setUp(happening.kind === 'up', happening.atMs);
        return this.#harm.setWatched(happening.kind === 'up');
      case 'started':
        return this.#rollings.seeStarted(happening, note);
      case 'hand':
        return;
    }
  }

  end(): Judgement {
    const services = [...this.#services.values()];
    const note = (rule: string, text: string): void => {
      this.#findings.push({ rule, atMs: this.#story.endedAtMs, text });
    };
    endRules(this.#story, services, note);
    this.#ears.end(services, note);
    this.#flags.end(services, this.#story.table, note);
    const { findings, withoutPlan } = this.#evidence.report();
    for (const { index, rolloutId, what } of findings) {
      note('O17', `entry ${index}, ${rolloutId}: ${what}`);
    }
    if (withoutPlan > 0) note('O17', `${withoutPlan} rollouts do not say what has to follow`);
    return { findings: this.#findings, rollouts: services.flatMap((each) => each.rollouts) };
  }

  #seeEntry(happening: Of<'entry'>, index: number, note: Note): void {
    const { statement } = happening;
    if (
      happening.index !== this.#entries ||
      (statement.previous?.index ?? -1) !== this.#entries - 1
    ) {
      note('O7', `entry ${happening.index} does not follow entry ${this.#entries - 1}`);
    }
    this.#entries += 1;
    if (statement.observedAtMs < this.#lastObservedAtMs) {
      note('O9', `entry ${happening.index} is older than the one before`);
    }
    this.#lastObservedAtMs = statement.observedAtMs;
    const facts = releaseFacts(statement);
    if (facts !== null) this.#evidence.add(happening.index, facts);
    const service = this.#services.get(statement.stream.replace('service/', ''));
    if (service === undefined) return;
    const said = readSaid(statement);
    const entry = { statement, said, index, atMs: happening.atMs };
    this.#flags.see(effectsOf(statement), index);
    const scenario = this.#story.scenario.services.find((each) => each.name === service.name);
    if (scenario !== undefined) {
      adviceRules({ service, scenario }, said, note);
      this.#ears.see({ service, scenario }, entry, note);
      this.#standbys.see(scenario, said, note);
      this.#rollings.see(scenario, { said, entry: happening, stableId: service.stableId }, note);
    }
    const before = service.open;
    entryRules(service, entry, note);
    if (said.decision === 'park') this.#harm.parked(before?.id ?? '');
  }

  #seeTable(happening: Of<'in-force'>, note: Note): void {
    const { table, builtAfter } = happening;
    this.#inForce = table.routes;
    for (const route of table.routes) {
      const sum = route.backends.reduce((total, each) => total + each.weightPercent, 0);
      if (Math.abs(sum - 100) > 1e-6) note('O1', `weights of ${route.host} sum to ${sum}`);
    }
    this.#standbys.seeTable(this.#services.values(), table.routes, note);
    const isDeaf = this.#isDeaf(happening.atMs);
    this.#flags.seeTable(this.#services.values(), { table, builtAfter, isDeaf }, note);
    for (const service of this.#services.values()) {
      const route = table.routes.find((each) => each.service === service.name) ?? null;
      tableRules(service, { route, builtAfter, isDeaf }, note);
    }
  }

  /** Whether the ledger may have kept an entry without its writer knowing yet. */
  #isDeaf(atMs: number): boolean {
    const nowMs = atMs - this.#story.startMs;
    return this.#story.scenario.faults.some(
      ({ kind, fromMs, untilMs }) =>
        (kind === 'store-slow' || kind === 'store-answer-lost') &&
        fromMs <= nowMs &&
        nowMs < untilMs + 10_000,
    );
  }

  #seeStopping({ revisionId, instanceId }: Of<'stopping'>, note: Note): void {
    const isReplaced = [...this.#services.values()].some((each) => each.replaced.has(instanceId));
    const isRolled = [...this.#services.values()].some(({ rollouts }) => {
      const newest = rollouts.at(-1);
      return (
        newest?.isRolled === true && [newest.candidateId, newest.stableId].includes(revisionId)
      );
    });
    for (const { backends, matches } of this.#inForce) {
      const own = backends.find((each) => each.revisionId === revisionId);
      const share = own?.weightPercent ?? 0;
      const isSentTo = own?.endpoints.some((each) => each.instanceId === instanceId) ?? false;
      if (share === 0 && !matches.some((each) => each.revisionId === revisionId)) continue;
      if ((isReplaced || isRolled) && !isSentTo) continue;
      note('O10', `${instanceId} is stopped while the router sends ${revisionId} ${share} %`);
    }
  }
}

export type Note = (rule: string, text: string) => void;

function tableRules(
  service: SeenService,
  made: { readonly route: Route | null; readonly builtAfter: number; readonly isDeaf: boolean },
  note: Note,
): void {
  const { route, builtAfter, isDeaf } = made;
  const inForce = new Map<string, number>();
  for (const { revisionId, weightPercent } of route?.backends ?? []) {
    if (weightPercent > 0) inForce.set(revisionId, weightPercent);
  }
  const rollout = service.rollouts.findLast((each) => each.startedAt < builtAfter);
  const isGoingBack = rollout?.backAt !== undefined && rollout.backAt < builtAfter;
  // A ledger that is slow to answer has the entry before the loop knows; until then the order before it is tried again.
  if (isGoingBack && !rollout.isRolled && !isDeaf && (inForce.get(rollout.candidateId) ?? 0) > 0) {
    note('O3', `${rollout.candidateId} gets traffic after ${rollout.id} went back`);
  }
  const order = service.orders.findLast((each) => each.index < builtAfter);
  if (order === undefined) {
    if (inForce.size > 0) note('O5', `${service.name} has a route that nobody ordered`);
    return;
  }
  if (sharesText(inForce) === sharesText(order.shares)) return;
  if (isWayBack(service, inForce)) return;
  const before = service.orders[service.orders.indexOf(order) - 1];
  const known = before?.shares ?? new Map<string, number>();
  if (isDeaf && sharesText(inForce) === sharesText(known)) return;
  const wanted = sharesText(order.shares);
  note('O5', `${service.name} has ${sharesText(inForce)} in force; ordered was ${wanted}`);
}

/** All to what was stable, or to nothing where there is no stable. */
function isWayBack(service: SeenService, inForce: ReadonlyMap<string, number>): boolean {
  const { stableId, open } = service;
  if (open === null) return false;
  // Of both, by who serves: what is ordered is compared with once its entry is there.
  const both = [stableId, open.candidateId];
  if (open.isRolled) return [...inForce.keys()].every((each) => both.includes(each));
  return stableId === null ? inForce.size === 0 : inForce.size === 1 && inForce.has(stableId);
}

function sharesText(shares: ReadonlyMap<string, number>): string {
  const pairs = [...shares].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([revisionId, weight]) => `${revisionId} ${weight} %`).join(', ') || 'nothing';
}
