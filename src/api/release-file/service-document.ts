import type { VoteClient } from './evidence-schema.ts';
import {
  type MatchDocument,
  type RuleDocument,
  type StickyDocument,
  toMatch,
  toRouting,
} from './route-document.ts';
import { type BudgetDocument, toBudget } from './budget-schema.ts';
import { type FlagDocument, toFlags, toTurns } from './flag-document.ts';
import { type HealthDocument, toHealth } from './health-document.ts';
import { type PolicyDocument, toPolicy } from './policy-document.ts';
import {
  type ResourcesDocument,
  type ScaleDocument,
  toResources,
  toScale,
} from './scale-document.ts';
import { type StrategyDocument, toStrategy } from './strategy-document.ts';
import type { SeriesText } from './series-selector.ts';
import { quantiles } from './service-schema.ts';
import type { ServiceInput } from './service-schema.ts';

/** A document of kind Service, parsed: every default filled in, every quantity a number in the unit its name says. */
export interface ServiceDocument {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly run: RunDocument;
  /** null: the platform chooses. */
  readonly port: number | null;
  /** Absent: HTTP/1.1. */
  readonly appProtocol?: 'kubernetes.io/h2c' | 'https';
  /** Instances are dealt out to them in turn; absent: their zone is not known. */
  readonly zones?: readonly string[];
  /** Absent: nothing is said. */
  readonly disruptionBudget?: BudgetDocument;
  readonly health: HealthDocument;
  readonly dependsOn: readonly string[];
  readonly scale: ScaleDocument;
  readonly traffic: {
    readonly host: string;
    readonly requestTimeoutMs: number;
    readonly rules?: readonly RuleDocument[];
    readonly sticky?: StickyDocument;
    readonly policy?: PolicyDocument;
  };
  /** Absent: none. */
  readonly flags?: readonly FlagDocument[];
  readonly objectives: readonly ObjectiveDocument[];
  readonly rollout: RolloutDocument;
}

export interface RunDocument {
  /** Program and arguments, never empty. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** As written: relative to the folder of the file, or absolute. */
  readonly workingDirectory: string;
  /** Paths as `workingDirectory`; later ones win, and `env` over all. Absent: none. */
  readonly envFiles?: readonly string[] | undefined;
  /** By the name of a variable, where its value is: exactly one of both. */
  readonly secrets?: Readonly<Record<string, SecretDocument>> | undefined;
  readonly configFiles?: readonly string[] | undefined;
  /** Absent: nothing is requested. */
  readonly resources?: ResourcesDocument;
}

export interface SecretDocument {
  readonly file?: string | undefined;
  readonly env?: string | undefined;
}

export type ObjectiveDocument =
  | { readonly kind: 'success'; readonly name: string; readonly ratioMin: number }
  | {
      readonly kind: 'latency';
      readonly name: string;
      readonly quantile: number;
      readonly limitMs: number;
    };

export interface RolloutDocument {
  /** Absent: canary, by the steps alone. */
  readonly strategy?: StrategyDocument;
  /** Weights strictly increase; the last one is 100. Of blue-green: the standby at 0, and the switch; of rolling and recreate: 100 alone. */
  readonly steps: readonly StepDocument[];
  readonly gate: GateDocument;
  readonly bakeMs: number;
}

export interface StepDocument {
  /** A multiple of 0.1 in [0.1, 100]; 0 of a standby. */
  readonly weightPercent: number;
  /** The header's name is in lower case. */
  readonly match: { readonly name: string; readonly value: string } | null;
  /** Absent: none. */
  readonly matches?: readonly MatchDocument[];
  /** Percent is a multiple of 0.1 in [0.1, 100]; absent: no copies. */
  readonly mirror?: { readonly percent: number; readonly methods?: 'all' };
  /** Absent: none is turned. */
  readonly flags?: ReturnType<typeof toTurns>;
  readonly atLeastMs: number;
  /** Never true at 100 %: no stable traffic is left to compare with. */
  readonly gated: boolean;
  readonly wait: WaitDocument;
}

export type WaitDocument =
  | { readonly kind: 'none' }
  | { readonly kind: 'pause'; readonly durationMs: number }
  | { readonly kind: 'approval'; readonly policy?: ApprovalPolicyDocument };

export interface ApprovalPolicyDocument {
  readonly rules: readonly { readonly role: string; readonly count: number }[];
  readonly validForMs: number;
}

export interface GateDocument {
  readonly falseRollbackRatio: number;
  readonly falsePromotionRatio: number;
  readonly worseByRatio: number;
  readonly soakMs: number;
  readonly atMostMs: number;
  readonly latency?: 'auto' | 'on' | 'off';
  readonly slowerByRatio?: number;
  readonly warmUpMs?: number;
  readonly incidentMs?: number;
  readonly replaceWithinMs?: number;
  readonly beforeAfter?: 'off' | 'warn' | 'hold' | 'roll-back';
  readonly onTimeLimit?: 'hold' | 'extend' | 'widen' | 'roll-back';
  readonly strata?: readonly StratumDocument[];
  readonly oneVotePer?: VoteDocument;
  readonly metrics?: readonly MetricDocument[];
  /** There whenever `metrics` is. */
  readonly scrape?: { readonly path: string; readonly intervalMs: number };
}

export interface StratumDocument {
  readonly name: string;
  readonly path: string | null;
  readonly method: string | null;
  /** The header's name is in lower case. */
  readonly header: { readonly name: string; readonly value: string } | null;
}

export interface VoteDocument {
  readonly client: VoteClient;
  readonly windowMs: number;
}

export interface MetricDocument {
  readonly name: string;
  readonly kind: 'ratio' | 'histogram';
  readonly weight: number;
  readonly source:
    | { readonly kind: 'counter'; readonly bad: SeriesText; readonly total: SeriesText }
    | { readonly kind: 'histogram'; readonly histogram: SeriesText };
  readonly slowerByRatio?: number;
}

/** What was written, in the words and units of this project. */
export function toServiceDocument({ metadata, spec }: ServiceInput): ServiceDocument {
  return {
    name: metadata.name,
    labels: metadata.labels,
    annotations: metadata.annotations,
    run: toRun(spec.run),
    port: spec.port ?? null,
    ...(spec.appProtocol === undefined ? {} : { appProtocol: spec.appProtocol }),
    ...(spec.zones === undefined ? {} : { zones: spec.zones }),
    ...(spec.disruptionBudget === undefined
      ? {}
      : { disruptionBudget: toBudget(spec.disruptionBudget) }),
    health: toHealth(spec.health),
    dependsOn: spec.dependsOn,
    scale: toScale(spec.scale, { resources: spec.run.resources, path: spec.metrics.path }),
    traffic: {
      host: spec.traffic.host ?? `${metadata.name}.localhost`,
      requestTimeoutMs: spec.traffic.timeout,
      ...toRouting(spec.traffic),
      ...toPolicy(spec.traffic),
    },
    ...(spec.flags === undefined ? {} : { flags: toFlags(spec.flags) }),
    objectives: spec.objectives.flatMap(toObjectives),
    rollout: toRollout(spec.rollout, spec),
  };
}

type Spec = ServiceInput['spec'];

function toRun({ resources, ...run }: Spec['run']): RunDocument {
  return resources === undefined ? run : { ...run, resources: toResources(resources) };
}

/** The schema has seen to it that there is exactly one. */
export function toObjectives({
  name,
  success,
  ...limits
}: Spec['objectives'][number]): ObjectiveDocument[] {
  if (success !== undefined) return [{ kind: 'success', name, ratioMin: success }];
  return percentiles.flatMap((percentile): ObjectiveDocument[] => {
    const limitMs = limits[percentile];
    if (limitMs === undefined) return [];
    return [{ kind: 'latency', name, quantile: quantiles[percentile], limitMs }];
  });
}

const percentiles = ['p50', 'p90', 'p95', 'p99'] as const;

function toRollout(
  rollout: Spec['rollout'],
  { metrics: scrape, scale, run }: Pick<Spec, 'metrics' | 'scale' | 'run'>,
): RolloutDocument {
  const { steps = canarySteps, gate, bake } = rollout;
  const rest = { gate: toGate(gate, scrape), bakeMs: bake };
  const known = { resources: run.resources, path: scrape.path };
  const strategy = toStrategy(rollout, Math.max(1, toScale(scale, known).min));
  if (strategy !== null && strategy.kind !== 'blue-green') {
    return { strategy, steps: [toStep({ weight: 100 })], ...rest };
  }
  if (strategy !== null) {
    const standby = {
      ...toStep({ weight: 0, gate: false }),
      wait: toWait(rollout.blueGreen ?? {}),
    };
    return { strategy, steps: [standby, toStep({ weight: 100 })], ...rest };
  }
  const written = steps.map(toStep);
  const isComplete = written.at(-1)?.weightPercent === 100;
  return { steps: isComplete ? written : [...written, toStep({ weight: 100 })], ...rest };
}

const canarySteps: NonNullable<Spec['rollout']['steps']> = [1, 5, 25, 50, 100].map((weight) => ({
  weight,
}));

export function toGate(gate: Spec['rollout']['gate'], scrape: Spec['metrics']): GateDocument {
  return {
    falseRollbackRatio: gate.falseRollback,
    falsePromotionRatio: gate.falsePromotion,
    worseByRatio: gate.worseBy,
    soakMs: gate.soak,
    atMostMs: gate.atMost,
    ...(gate.latency === undefined ? {} : { latency: gate.latency }),
    ...(gate.slowerBy === undefined ? {} : { slowerByRatio: gate.slowerBy }),
    ...(gate.incident === undefined ? {} : { incidentMs: gate.incident }),
    ...(gate.replaceWithin === undefined ? {} : { replaceWithinMs: gate.replaceWithin }),
    ...(gate.beforeAfter === undefined ? {} : { beforeAfter: gate.beforeAfter }),
    ...(gate.onTimeLimit === undefined ? {} : { onTimeLimit: gate.onTimeLimit }),
    ...(gate.warmUp === undefined ? {} : { warmUpMs: gate.warmUp }),
    ...(gate.strata === undefined ? {} : { strata: gate.strata.map(toStratum) }),
    ...(gate.oneVotePer === undefined
      ? {}
      : { oneVotePer: { client: gate.oneVotePer.client, windowMs: gate.oneVotePer.window } }),
    ...(gate.metrics === undefined
      ? {}
      : {
          metrics: gate.metrics.flatMap(toMetrics),
          scrape: { path: scrape.path, intervalMs: scrape.interval },
        }),
  };
}

type Gate = Spec['rollout']['gate'];

function toStratum({ name, match }: NonNullable<Gate['strata']>[number]): StratumDocument {
  const { path = null, method = null, header, value } = match;
  return {
    name,
    path,
    method,
    header: header === undefined ? null : { name: header.toLowerCase(), value: value ?? '' },
  };
}

/** The schema has seen to it that there is exactly one of counter and histogram. */
function toMetrics(metric: NonNullable<Gate['metrics']>[number]): MetricDocument[] {
  const { name, weight, counter, histogram, slowerBy } = metric;
  if (counter !== undefined) {
    return [{ name, kind: 'ratio', weight, source: { kind: 'counter', ...counter } }];
  }
  if (histogram === undefined) return [];
  const source = { kind: 'histogram', histogram } as const;
  const slower = slowerBy === undefined ? {} : { slowerByRatio: slowerBy };
  return [{ name, kind: 'histogram', weight, source, ...slower }];
}

type StepInput = NonNullable<Spec['rollout']['steps']>[number];

function toStep(step: StepInput): StepDocument {
  const { match, matches, mirror, flags } = step;
  return {
    weightPercent: step.weight,
    match: match === undefined ? null : { name: match.header.toLowerCase(), value: match.value },
    ...(matches === undefined ? {} : { matches: matches.map(toMatch) }),
    ...(mirror === undefined ? {} : { mirror: toMirror(mirror) }),
    ...(flags === undefined ? {} : { flags: toTurns(flags) }),
    atLeastMs: step.atLeast ?? 0,
    gated: step.gate ?? step.weight < 100,
    wait: toWait(step),
  };
}

function toMirror({
  percent,
  methods,
}: NonNullable<StepInput['mirror']>): NonNullable<StepDocument['mirror']> {
  return methods === 'all' ? { percent, methods } : { percent };
}

function toWait({
  pause,
  approval,
  approvals,
}: Pick<StepInput, 'pause' | 'approval' | 'approvals'>): WaitDocument {
  if (approvals !== undefined) {
    const rules = Object.entries(approvals.roles)
      .map(([role, count]) => ({ role, count }))
      .toSorted((a, b) => (a.role < b.role ? -1 : 1));
    return { kind: 'approval', policy: { rules, validForMs: approvals.validFor } };
  }
  if (approval === true) return { kind: 'approval' };
  return pause === undefined || pause === 0
    ? { kind: 'none' }
    : { kind: 'pause', durationMs: pause };
}
