import type { Flag } from '../flags/flag.ts';
import type { ProbeName, ProbeSpec } from '../health/probe.ts';
import type { ConcurrencyScaling } from '../scaling/concurrency.ts';
import type { DisruptionBudget } from '../scaling/disruption-budget.ts';
import type { HorizontalScaling } from '../scaling/horizontal.ts';
import type { AppProtocol } from '../traffic/routing/route-table.ts';
import type { ApprovalPolicy } from '../evidence/approval/approval.ts';
import type { MetricSpec } from '../gate/custom-metrics.ts';
import type { RunInputs } from './run-inputs.ts';
import type { MirrorRule } from '../traffic/mirror.ts';
import type { RequestMatch } from '../traffic/routing/request-match.ts';
import type { RouteRule } from '../traffic/routing/route-rules.ts';
import type { StickyKey } from '../traffic/routing/sticky.ts';
import type { Strategy } from './strategies/strategy.ts';
import type { TrafficPolicy } from '../traffic/resilience/traffic-policy.ts';

/** One immutable version of a service. `id` is derived from the content, so equal content is one revision. */
export interface Revision extends RunInputs {
  /** `<service>-<10 hex digits of the SHA-256 of the canonical content>`. */
  readonly id: string;
  /** SHA-256 of the canonical content, 64 lower-case hex digits. */
  readonly digest: string;
  readonly service: string;
  /** What people call it (`metadata.labels.version`); only for showing. */
  readonly version: string | null;
  /** Program and arguments; started without a shell. Never empty. */
  readonly command: readonly string[];
  /** Absolute folder the command starts in. */
  readonly workingDirectory: string;
  readonly env: Readonly<Record<string, string>>;
  readonly health: HealthSpec;
  /** How many instances it starts with, >= 1; without `scale` it always has so many. */
  readonly instances: number;
  /** How their number follows the load; absent: it does not. */
  readonly scale?: HorizontalScaling;
  /** How it follows the requests under way, in place of `scale`. */
  readonly concurrency?: ConcurrencyScaling;
  /** What an instance asks for; absent: not said. */
  readonly requests?: { readonly cpuCores?: number; readonly memoryBytes?: number };
  /** What it may have at most; absent: all there is. */
  readonly limits?: { readonly cpuCores?: number; readonly memoryBytes?: number };
  /** How few may serve while one is stopped on purpose; absent: nothing is said. */
  readonly disruptionBudget?: DisruptionBudget;
  /** What its instances speak; absent: HTTP/1.1. */
  readonly appProtocol?: AppProtocol;
  /** Each of its instances has a certificate with the service's identifier; absent: none has. */
  readonly hasIdentity?: true;
  /** Instances are dealt out to these zones in turn; absent: their zone is not known. */
  readonly zones?: readonly string[];
  /** What its instances may ask for by OFREP; absent: it has none. */
  readonly flags?: readonly Flag[];
}

export interface HealthSpec {
  /** HTTP path answering 2xx when the instance can take traffic; over h2c also the method of gRPC's health check. */
  readonly readyPath: string;
  /** HTTP path answering 2xx while the instance is worth keeping; null: never restarted by a probe. */
  readonly livePath: string | null;
  /** Between SIGTERM and SIGKILL. */
  readonly stopGraceMs: number;
  /** How long a fresh instance may take until it is ready for the first time. */
  readonly startTimeoutMs: number;
  /**
   * Probes with settings or handlers of their own, in place of the paths; `startup` is there only here. Absent: none has, so
   * that revisions of before keep their names.
   */
  readonly probes?: Readonly<Partial<Record<ProbeName, ProbeSpec>>>;
}

/** Everything a release file says of one service, parsed. */
export interface ServiceSpec {
  readonly name: string;
  /** Host header the gateway routes by. */
  readonly host: string;
  /** The gateway answers 504 after this long. */
  readonly requestTimeoutMs: number;
  /** What holds for some of its requests; absent: nothing. */
  readonly rules?: readonly RouteRule[];
  /** Who stays with a revision while it is rolled out; absent: nobody. */
  readonly sticky?: StickyKey;
  /** Absent: the defaults of each part. */
  readonly trafficPolicy?: TrafficPolicy;
  readonly dependsOn: readonly string[];
  readonly revision: Revision;
  readonly plan: Plan;
}

/** How a revision is rolled out. The last step always has 100 %. */
export interface Plan {
  readonly steps: readonly Step[];
  readonly gate: GateSettings;
  /** How long the old revision stays warm after 100 %, with automatic return. */
  readonly bakeMs: number;
  readonly objectives: readonly Objective[];
  /** Absent: canary, by the steps alone. */
  readonly strategy?: Strategy;
}

export interface Step {
  /** Share of the candidate, a multiple of 0.1 in [0, 100]. */
  readonly weightPercent: number;
  /** Requests with this header value go to the candidate at any weight; null: none. */
  readonly match: HeaderMatch | null;
  /** As `match`, by more than one header; absent: none. */
  readonly matches?: readonly RequestMatch[];
  /** The candidate gets copies of stable's requests; absent: none. */
  readonly mirror?: Omit<MirrorRule, 'revisionId'>;
  /** From this step on the candidate's flags give these variants where no rule says otherwise; absent: it turns none. */
  readonly flags?: readonly { readonly flag: string; readonly variant: string }[];
  /** The step lasts at least this long, whatever the gate says. */
  readonly atLeastMs: number;
  /** Whether the gate must pass before the rollout leaves this step. */
  readonly gated: boolean;
  /** Wait after the gate: for a time, for a person (`approval`), or not at all. */
  readonly wait: StepWait;
}

export type StepWait =
  | { readonly kind: 'none' }
  | { readonly kind: 'pause'; readonly durationMs: number }
  | {
      readonly kind: 'approval';
      /** Whose signed approvals are needed; absent: whoever may operate promotes. */
      readonly policy?: ApprovalPolicy;
    };

export interface HeaderMatch {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
}

export interface GateSettings {
  /** alpha: the chance that a candidate no worse than stable is rolled back, for the whole rollout; in (0, 0.5). */
  readonly falseRollbackRatio: number;
  /** beta: the chance that a candidate worse by `worseByRatio` passes the last gate; in (0, 0.5). */
  readonly falsePromotionRatio: number;
  /** Non-inferiority margin of the error rate in [0.0001, 0.5] (0.0025 is 0.25 percentage points). */
  readonly worseByRatio: number;
  /** A gated step is judged at least this long before it may pass. */
  readonly soakMs: number;
  /** After this long undecided the step holds and says so. It never passes by time. */
  readonly atMostMs: number;
  /**
   * Whether latency is compared with stable's. `auto`, and absent: it can roll back, and promotion asks for it where the
   * plan has a latency objective; `on`: promotion always asks; `off`: not compared.
   */
  readonly latency?: 'auto' | 'on' | 'off';
  /** A candidate slower by this part (or by 2 ms, unless it is 0) is not yet slower, in [0, 10]; absent: 0.1. */
  readonly slowerByRatio?: number;
  /** Latencies are not compared this long after the candidate's first request; absent: 10 s. Errors always count. */
  readonly warmUpMs?: number;
  /**
   * The longest incident of one instance, in which all its requests may fail, that is not the version's fault; evidence is
   * then taken by instance and windows of this length. Absent or 0: by request.
   */
  readonly incidentMs?: number;
  /**
   * How long to wait for a new instance where all errors are on one of several, before going back. Absent or 0: not at all,
   * the explanation merely names it.
   */
  readonly replaceWithinMs?: number;
  /**
   * What a comparison of the candidate at 100 % with stable before the switch may do: nothing, be said, keep the bake from
   * ending, or go back. Absent: `warn`.
   */
  readonly beforeAfter?: 'off' | 'warn' | 'hold' | 'roll-back';
  /** What follows when a gated step has no verdict after `atMostMs`; absent: hold. */
  readonly onTimeLimit?: TimeLimitChoice;
  /** Metrics that the service brings, compared beside errors and latency; absent: none. */
  readonly metrics?: readonly MetricSpec[];
  /** Where and how often the instances are asked for them; there whenever `metrics` is. */
  readonly scrape?: { readonly path: string; readonly intervalMs: number };
  /**
   * Kinds of requests compared each with its like, so that another mix of them is no difference; the first that fits has the
   * request, `other` has what fits none. At most 16; absent: all requests are one kind.
   */
  readonly strata?: readonly StratumMatch[];
  /** In each window only a client's first request is evidence; absent: every request is. */
  readonly oneVotePer?: VoteRule;
}

/** All that is given has to fit; at least one is. */
export interface StratumMatch {
  /** Unique; not `other`. */
  readonly name: string;
  /** This path and those below it, by whole segments: `/a` has `/a/b` and not `/ab`. */
  readonly path: string | null;
  /** As on the wire: upper case. */
  readonly method: string | null;
  readonly header: HeaderMatch | null;
}

export interface VoteRule {
  /** Who is one client: an address, or a header's value (the address where a request lacks the header). */
  readonly client:
    | { readonly kind: 'address' }
    | { readonly kind: 'header'; readonly name: string };
  /** Begins with a client's vote. */
  readonly windowMs: number;
}

/**
 * `hold` waits for a person; `extend` judges on for as long again, which costs no promise; `widen` goes to the next step's
 * weight, where evidence comes faster, and only to another gate; `roll-back` gives up.
 */
export type TimeLimitChoice = 'hold' | 'extend' | 'widen' | 'roll-back';

export type Objective =
  | { readonly kind: 'success'; readonly name: string; readonly ratioMin: number }
  | {
      readonly kind: 'latency';
      readonly name: string;
      /** In (0, 1): 0.95 for p95. */
      readonly quantile: number;
      readonly limitMs: number;
    };
