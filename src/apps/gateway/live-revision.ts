import {
  attemptEnded,
  type Balance,
  type BalancedInstance,
  newBalance,
  pickOther,
  setEndpoints,
} from '../../domain/traffic/resilience/balance.ts';
import {
  type Circuit,
  newCircuit,
  noLimits,
  shareOf,
  takesPending,
  takesRequest,
} from '../../domain/traffic/resilience/circuit.ts';
import type { Attempt } from '../../domain/traffic/resilience/instance-health.ts';
import { earnForgiveness } from '../../domain/traffic/resilience/kept-connection.ts';
import type { RetryBudget } from '../../domain/traffic/resilience/retry-budget.ts';
import { type Endpoint, h2c, type Route } from '../../domain/traffic/routing/route-table.ts';
import type { Random } from '../../domain/traffic/seeded-random.ts';
import {
  outlierDetectionOf,
  type RetryPolicy,
  usualLoadBalancing,
  usualRetries,
} from '../../domain/traffic/resilience/traffic-policy.ts';
import type { Counter } from './counters.ts';
import type { Refusal } from './refusal.ts';

/** Where an attempt goes, and what it is counted on. */
export interface Target {
  readonly revisionId: string;
  readonly endpoint: Endpoint;
  /** `http://host:port`, or with `h2c` or `https`. */
  readonly origin: string;
  readonly counter: Counter;
  readonly instance: BalancedInstance;
  readonly revision: LiveRevision;
}

/** Where one process that serves stands, and among how many. */
export interface ServingPlace {
  /** As endpoints' zones; null or absent: not known. */
  readonly zone?: string | null;
  /** Of what all processes that serve together may do, this one's share in (0, 1]; absent: 1. */
  readonly processShare?: number;
}

/** What is known of a revision's instances and of what it has under way. Kept over tables as long as the revision is in them. */
export interface LiveRevision {
  readonly balance: Balance;
  readonly circuit: Circuit;
  retries: RetryPolicy;
  /** Of the route, so that one service's failures do not cost another's retries. */
  readonly budget: RetryBudget;
  /** Ejected instances, with the counter that says so. */
  readonly ejected: Map<BalancedInstance, Counter>;
}

export function newRevision(budget: RetryBudget): LiveRevision {
  const settings = { loadBalancing: usualLoadBalancing, outlierDetection: null, zone: null };
  return {
    balance: newBalance(settings),
    circuit: newCircuit(),
    retries: usualRetries,
    budget,
    ejected: new Map(),
  };
}

/** Puts a route's policy and a backend's endpoints in force; none: the revision has left the table. */
export function setRevision(
  revision: LiveRevision,
  { policy, backends }: Pick<Route, 'policy' | 'backends'>,
  endpoints: readonly Endpoint[],
  { zone = null, processShare = 1 }: ServingPlace,
): void {
  revision.retries = policy?.retries ?? usualRetries;
  const limits = policy?.circuitBreaker ?? noLimits;
  revision.circuit.limits = processShare === 1 ? limits : shareOf(limits, processShare);
  const readmitted = setEndpoints(revision.balance, endpoints, {
    loadBalancing: policy?.loadBalancing ?? usualLoadBalancing,
    outlierDetection: outlierDetectionOf(policy, { isCompared: backends.length > 1 }),
    zone,
  });
  for (const instance of readmitted) noteReadmitted(revision, instance);
}

export function beginAttempt({ instance }: Target): void {
  instance.underWay += 1;
}

export function endAttempt({ instance, revision, counter }: Target, attempt: Attempt): void {
  instance.underWay -= 1;
  if (attempt.outcome === 'success') earnForgiveness(instance);
  const followed = attemptEnded(revision.balance, instance, attempt);
  if (followed === 'unchanged') return;
  if (followed === 'readmitted') {
    noteReadmitted(revision, instance);
    return;
  }
  revision.ejected.set(instance, counter);
  counter.ejections += 1;
}

/** Null: the revision takes one more request. */
export function circuitRefusal({ revisionId, revision: { circuit } }: Target): Refusal | null {
  if (takesRequest(circuit)) return null;
  circuit.refused += 1;
  const detail = `revision ${revisionId} has ${circuit.requests} requests under way, as many as its circuitBreaker allows`;
  return { status: 503, reason: 'circuit-open', detail };
}

/** Why there is no connection for a request, and no waiting for one either. `inFlightMax` is an instance's own bound. */
export function overloadRefusal(target: Target, inFlightMax: number): Refusal {
  const { endpoint, revisionId, revision } = target;
  const { circuit } = revision;
  if (takesPending(circuit)) {
    const detail = `instance ${endpoint.instanceId} has ${inFlightMax} requests already`;
    return { status: 503, reason: 'overloaded', detail };
  }
  circuit.refused += 1;
  const detail = `${circuit.pending} requests wait for a connection to revision ${revisionId}, as many as its circuitBreaker allows`;
  return { status: 503, reason: 'circuit-open', detail };
}

/** Another instance of the target's revision that serves; null: there is none, or the revision has left the table. */
export function otherTarget(target: Target, nowMs: number, random: Random): Target | null {
  const { balance } = target.revision;
  const index = pickOther(balance, { not: target.instance, nowMs, random });
  const instance = balance.instances[index];
  if (instance === undefined) return null;
  const { endpoint } = instance;
  return { ...target, endpoint, origin: originOf(endpoint), instance };
}

export function originOf({ host, port, appProtocol }: Endpoint): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  const scheme = appProtocol === h2c ? 'h2c' : (appProtocol ?? 'http');
  return `${scheme}://${name}:${port}`;
}

function noteReadmitted({ ejected }: LiveRevision, instance: BalancedInstance): void {
  const counter = ejected.get(instance);
  ejected.delete(instance);
  if (counter !== undefined) counter.readmissions += 1;
}
