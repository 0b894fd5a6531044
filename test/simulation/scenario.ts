import { createHash } from 'node:crypto';
import type { Action } from '../../src/domain/release/event.ts';
import type {
  Plan,
  Revision,
  ServiceSpec,
  Step,
  StepWait,
} from '../../src/domain/release/revision.ts';
import { withFlags } from './flags.ts';
import { Random } from './random.ts';
import { withStrategies } from './strategies.ts';
import { lossesOf, withTroubles } from './troubles.ts';

/** What a revision really is; the control plane has to find out. */
export type Behaviour =
  /** No worse than any other healthy one. */
  | { readonly kind: 'healthy' }
  | { readonly kind: 'slow-start'; readonly readyAfterMs: number }
  /** Fails this share of its requests, from so long after its first request on. */
  | { readonly kind: 'failing'; readonly ratio: number; readonly afterMs: number }
  /** Its first instance fails every request, and no other does. */
  | { readonly kind: 'bad-instance' }
  | { readonly kind: 'never-ready' }
  | { readonly kind: 'crash-loop'; readonly crashAfterMs: number }
  /** The platform refuses to start it, for good. */
  | { readonly kind: 'unstartable' };

export interface ServiceScenario {
  readonly name: string;
  readonly requestsPerSecond: number;
  /** Share of requests that fail on a healthy revision. */
  readonly baseRatio: number;
  /** Between being asked and being gone. */
  readonly stopTakesMs: number;
  /** Every revision that may be applied. The first one is healthy. */
  readonly specs: readonly ServiceSpec[];
  readonly behaviours: ReadonlyMap<string, Behaviour>;
  /** Incidents of single instances, of either arm alike; null: there are none. */
  readonly incidents: Incidents | null;
}

/** Now and then an instance fails all its requests for a while. */
export interface Incidents {
  /** Mean time between two of one instance. */
  readonly everyMs: number;
  readonly lastMs: number;
}

export type Hand =
  | {
      readonly kind: 'apply';
      readonly atMs: number;
      readonly service: string;
      readonly spec: ServiceSpec;
    }
  | {
      readonly kind: 'operate';
      readonly atMs: number;
      readonly service: string;
      readonly action: Action;
    };

export type FaultKind =
  | 'router-fails'
  | 'router-answer-lost'
  | 'router-slow'
  | 'platform-fails'
  | 'platform-slow'
  | 'platform-blind'
  | 'store-full'
  | 'store-answer-lost'
  | 'store-slow'
  | 'metrics-lost'
  | 'metrics-empty'
  /** Samples come with counts that can't be. */
  | 'metrics-impossible';

export interface Fault {
  readonly kind: FaultKind;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Of the calls made meanwhile. */
  readonly ratio: number;
  /** For what is slow. */
  readonly durationMs: number;
}

/** The loop dies at the `calls`-th call of a port after `atMs`: before it has an effect, or after, unanswered. */
export interface Crash {
  readonly atMs: number;
  readonly calls: number;
  readonly isAfterEffect: boolean;
  /** Asked to stop instead of killed. */
  readonly isGentle: boolean;
  readonly downMs: number;
  /** The machine's clock is wrong by this after the restart. */
  readonly clockOffsetMs: number;
}

export interface Scenario {
  readonly seed: number;
  readonly tickMs: number;
  readonly services: readonly ServiceScenario[];
  readonly hands: readonly Hand[];
  readonly faults: readonly Fault[];
  readonly crashes: readonly Crash[];
  /** From here on nobody and nothing interferes. All times count from the start of the world. */
  readonly quietAtMs: number;
  readonly endAtMs: number;
}

const quietAtMs = 80_000;
/** Longer than any stage may take; every fourth world gets the time that a slow verdict needs. */
const endAtMs = 130_000;
const lateEndAtMs = 200_000;

export function scenarioOf(seed: number): Scenario {
  const random = new Random(seed);
  const names = ['web', 'checkout', 'payments'].slice(0, random.pick([1, 1, 2, 2, 3]));
  // From a chance of its own, so that what was drawn before it was thought of stays as it was.
  const ofTroubles = new Random(seed ^ 0x2545f491);
  const ofStrategies = new Random(seed ^ 0x3c6ef372);
  const ofFlags = new Random(seed ^ 0x1b873593);
  const services = names.map((name) =>
    withFlags(
      withStrategies(withTroubles(serviceOf(name, random), ofTroubles), ofStrategies),
      ofFlags,
    ),
  );
  const isCalm = random.chance(0.15);
  return {
    seed,
    tickMs: random.pick([1_000, 2_000]),
    services,
    hands: services.flatMap((service) => handsOf(service, random, isCalm)),
    faults: isCalm ? [] : [...faultsOf(random), ...lossesOf(ofTroubles, quietAtMs)],
    crashes: isCalm ? [] : crashesOf(random),
    quietAtMs,
    endAtMs: seed % 4 === 0 ? lateEndAtMs : endAtMs,
  };
}

function serviceOf(name: string, random: Random): ServiceScenario {
  const behaviours = new Map<string, Behaviour>();
  const specs: ServiceSpec[] = [];
  const instances = random.between(1, 3);
  for (let number = 1; number <= 4; number += 1) {
    const revision = revisionOf(name, `v${number}`, instances, random);
    behaviours.set(revision.id, number === 1 ? { kind: 'healthy' } : behaviourOf(random));
    specs.push({
      name,
      host: `${name}.localhost`,
      requestTimeoutMs: 2_000,
      dependsOn: [],
      revision,
      plan: planOf(random),
    });
  }
  return {
    name,
    requestsPerSecond: random.pick([0, 1, 20, 200, 500, 500, 1_000]),
    baseRatio: random.pick([0, 0.0005, 0.003]),
    stopTakesMs: random.pick([0, 900]),
    specs,
    behaviours,
    incidents: null,
  };
}

function revisionOf(service: string, version: string, instances: number, random: Random): Revision {
  const digest = createHash('sha256').update(`${service} ${version}`).digest('hex');
  return {
    id: `${service}-${digest.slice(0, 10)}`,
    digest,
    service,
    version,
    command: ['node', 'server.js'],
    workingDirectory: '/srv',
    env: {},
    health: {
      readyPath: '/readyz',
      livePath: null,
      stopGraceMs: random.pick([1_000, 5_000]),
      startTimeoutMs: random.pick([8_000, 15_000]),
    },
    instances,
  };
}

function behaviourOf(random: Random): Behaviour {
  const roll = random.next();
  if (roll < 0.35) return { kind: 'healthy' };
  if (roll < 0.45) return { kind: 'slow-start', readyAfterMs: random.between(1_000, 7_000) };
  if (roll < 0.65) return { kind: 'failing', ratio: 1, afterMs: 0 };
  if (roll < 0.75) return { kind: 'failing', ratio: random.pick([0.05, 0.2, 0.5]), afterMs: 0 };
  if (roll < 0.85) {
    return {
      kind: 'failing',
      ratio: random.pick([0.2, 1]),
      afterMs: random.between(3_000, 60_000),
    };
  }
  if (roll < 0.9) return { kind: 'never-ready' };
  if (roll < 0.96) return { kind: 'crash-loop', crashAfterMs: random.between(500, 8_000) };
  return { kind: 'unstartable' };
}

function planOf(random: Random): Plan {
  const weights = random.pick([
    [10, 50, 100],
    [0.1, 1, 10, 100],
    [5, 25, 50, 100],
    [33.3, 66.6, 100],
    [0, 20, 100],
    [100],
    [50, 100],
  ]);
  return {
    steps: weights.map((weightPercent) => stepOf(weightPercent, random)),
    gate: {
      falseRollbackRatio: random.pick([0.001, 0.01]),
      falsePromotionRatio: 0.05,
      worseByRatio: random.pick([0.01, 0.03, 0.1]),
      soakMs: random.pick([0, 3_000, 8_000]),
      atMostMs: random.pick([20_000, 60_000]),
    },
    bakeMs: random.pick([0, 4_000, 25_000]),
    objectives: random.chance(0.5)
      ? [{ kind: 'success', name: 'availability', ratioMin: 0.99 }]
      : [],
  };
}

function stepOf(weightPercent: number, random: Random): Step {
  const isMatched = weightPercent < 100 && random.chance(0.15);
  return {
    weightPercent,
    match: isMatched ? { name: 'x-early', value: 'yes' } : null,
    atLeastMs: random.pick([0, 0, 4_000]),
    // With no share there is nothing to compare; a plan that gated this would wait for ever.
    gated: weightPercent > 0 && weightPercent < 100 && random.chance(0.85),
    wait: weightPercent === 100 ? { kind: 'none' } : waitOf(random),
  };
}

function waitOf(random: Random): StepWait {
  const roll = random.next();
  if (roll < 0.8) return { kind: 'none' };
  return roll < 0.93 ? { kind: 'pause', durationMs: 5_000 } : { kind: 'approval' };
}

function handsOf(service: ServiceScenario, random: Random, isCalm: boolean): readonly Hand[] {
  const { name, specs } = service;
  const hands: Hand[] = [];
  const apply = (atMs: number, index: number): void => {
    const spec = specs[index];
    if (spec !== undefined) hands.push({ kind: 'apply', atMs, service: name, spec });
  };
  apply(random.between(0, 3_000), 0);
  apply(random.between(6_000, 20_000), 1);
  if (random.chance(0.5)) apply(random.between(25_000, 70_000), 2);
  if (isCalm) return hands;
  if (random.chance(0.3)) apply(random.between(10_000, 70_000), random.between(0, 3));
  for (let count = random.pick([0, 0, 1, 2, 4]); count > 0; count -= 1) {
    const atMs = random.between(8_000, quietAtMs - 1_000);
    hands.push({ kind: 'operate', atMs, service: name, action: actionOf(service, random) });
    if (random.chance(0.2)) apply(atMs + random.between(0, 3_000), random.between(0, 3));
  }
  return hands;
}

function actionOf({ specs }: ServiceScenario, random: Random): Action {
  const toRevisionId = random.chance(0.5)
    ? null
    : (specs[random.between(0, 3)]?.revision.id ?? null);
  return random.pick<Action>([
    { kind: 'promote' },
    { kind: 'promote-full' },
    { kind: 'pause' },
    { kind: 'pause' },
    { kind: 'resume' },
    { kind: 'abort' },
    { kind: 'retry' },
    { kind: 'undo', toRevisionId },
    { kind: 'undo', toRevisionId: null },
    { kind: 'delete' },
  ]);
}

const faultKinds = [
  // More often than the others: what may and what must not wait for the ledger is the hardest to get right.
  'store-full',
  'store-full',
  'router-fails',
  'router-answer-lost',
  'router-slow',
  'platform-fails',
  'platform-slow',
  'platform-blind',
  'store-full',
  'store-answer-lost',
  'store-slow',
  'metrics-lost',
  'metrics-empty',
] as const;

function faultsOf(random: Random): readonly Fault[] {
  return Array.from({ length: random.between(0, 4) }, () => {
    const fromMs = random.between(0, quietAtMs - 5_000);
    return {
      kind: random.pick(faultKinds),
      fromMs,
      untilMs: Math.min(quietAtMs, fromMs + random.between(1_000, 60_000)),
      ratio: random.pick([0.3, 1, 1]),
      durationMs: random.pick([50, 700, 3_000, 9_000]),
    };
  });
}

function crashesOf(random: Random): readonly Crash[] {
  return Array.from({ length: random.pick([0, 1, 1, 2, 4]) }, () => ({
    atMs: random.between(0, quietAtMs - 1_000),
    calls: random.between(1, 12),
    isAfterEffect: random.chance(0.5),
    isGentle: random.chance(0.15),
    downMs: random.pick([100, 1_500, 20_000]),
    clockOffsetMs: random.pick([0, 0, 5_000, -5_000, -40_000]),
  })).toSorted((a, b) => a.atMs - b.atMs);
}
