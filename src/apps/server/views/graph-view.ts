import type { GraphEdge, GraphNode, GraphQuery, ServiceGraph } from '../../../api/graph-wire.ts';
import { candidateWeightPercent } from '../../../domain/release/order.ts';
import type { Revision } from '../../../domain/release/revision.ts';
import {
  activeRollout,
  measuredSharePercent,
  type ServiceState,
  stableOf,
} from '../../../domain/release/service-state.ts';
import { alertOf, describeService } from '../../../domain/release/wording/sentence.ts';
import {
  addFlows,
  type Flow,
  type FlowPromise,
  isProblem,
  judgeFlow,
  judgeNode,
  latencyQuantileMs,
  rankOf,
  type Standing,
  undeclaredErrorRatioMax,
} from '../../../domain/topology/flow-health.ts';
import { neighbourhood } from '../../../domain/topology/neighbourhood.ts';
import { defaultNamespace } from '../../../domain/identity/access-action.ts';
import type { FlowMeter } from '../flow-meter.ts';
import { flowWindowMs } from '../flow-meter.ts';
import { timeText } from './time-text.ts';
import { servicePhase } from './views.ts';

export interface GraphParts {
  readonly meter: Pick<FlowMeter, 'flows'>;
  readonly nowMs: number;
  /** What the asker may see. */
  readonly sees: (service: string) => boolean;
}

interface Seen {
  readonly state: ServiceState;
  readonly dependsOn: readonly string[];
  readonly node: GraphNode;
  /** From the gateway. */
  readonly edge: GraphEdge;
}

/** The services that fit the query, and what flows between the gateway and them. Work and answer are bounded by the query's limit. */
export function graphView(
  services: readonly ServiceState[],
  query: GraphQuery,
  parts: GraphParts,
): ServiceGraph {
  const known = new Map<string, ServiceState>();
  const isHere = query.namespace === undefined || query.namespace === defaultNamespace;
  for (const state of isHere ? services : []) {
    if (state.spec !== null && !state.isDeleted && parts.sees(state.name)) {
      known.set(state.name, state);
    }
  }
  const fitting = fittingNames(known, query).map((name) => seenOf(known.get(name), parts));
  const seen = fitting.filter((each) => each !== null);
  const wanted = query.problems ? problemsOf(seen) : seen;
  const kept = wanted.toSorted(byNeed).slice(0, query.limit);
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'ServiceGraph',
    at: timeText(parts.nowMs),
    windowMs: flowWindowMs,
    nodes: [...(kept.length === 0 ? [] : [gatewayNode]), ...kept.map(({ node }) => node)],
    edges: [...kept.map(({ edge }) => edge), ...declaredEdges(kept)],
    omittedCount: wanted.length - kept.length,
  };
}

function fittingNames(known: ReadonlyMap<string, ServiceState>, query: GraphQuery): string[] {
  if (query.service === undefined) return [...known.keys()];
  const edges = [...known.values()].flatMap(({ name: from, spec }) =>
    (spec?.dependsOn ?? []).map((to) => ({ from, to })),
  );
  return neighbourhood(edges, query.service, query.hops).filter((name) => known.has(name));
}

/** Those that have a problem, and those that ask one of them: whom it may reach next. */
function problemsOf(seen: readonly Seen[]): readonly Seen[] {
  const bad = new Set(
    seen.filter(({ node }) => isProblem(node.health)).map(({ node }) => node.name),
  );
  return seen.filter(
    ({ node, dependsOn }) => bad.has(node.name) || dependsOn.some((name) => bad.has(name)),
  );
}

function byNeed(a: Seen, b: Seen): number {
  const rank = rankOf(a.node.health) - rankOf(b.node.health);
  if (rank !== 0) return rank;
  const rate = (b.node.requestsPerSecond ?? 0) - (a.node.requestsPerSecond ?? 0);
  return rate === 0 ? (a.node.name < b.node.name ? -1 : 1) : rate;
}

const gatewayNode: GraphNode = {
  id: 'gateway',
  kind: 'gateway',
  name: 'gateway',
  namespace: '',
  health: 'healthy',
  sentence: null,
  phase: null,
  rollout: null,
  instances: { ready: 0, total: 0 },
  requestsPerSecond: null,
  errorRatio: null,
  p99Ms: null,
};

function idOf(service: string): string {
  return `service/${service}`;
}

function seenOf(state: ServiceState | undefined, { meter, nowMs }: GraphParts): Seen | null {
  if (state === undefined || state.spec === null) return null;
  const { name, spec } = state;
  const { seconds, byRevision } = meter.flows(name, nowMs);
  const flow = addFlows([...byRevision.values()]);
  const promise = promiseOf(spec.plan.objectives);
  const standing = standingOf(state, nowMs);
  const { health, why } = judgeNode(flow, promise, standing);
  const ofEdge = judgeFlow(flow, promise);
  const figures = figuresOf(flow, seconds);
  return {
    state,
    dependsOn: spec.dependsOn,
    node: {
      id: idOf(name),
      kind: 'service',
      name,
      namespace: defaultNamespace,
      health,
      sentence: why,
      phase: servicePhase(state, nowMs),
      rollout: rolloutOf(state),
      instances: { ready: standing.ready, total: standing.total },
      ...figures,
    },
    edge: {
      id: `gateway>${name}`,
      from: 'gateway',
      to: idOf(name),
      source: 'route',
      health: ofEdge.health,
      sentence: ofEdge.why,
      ...figures,
      revisions: revisionsOf(state, byRevision, seconds),
    },
  };
}

function promiseOf(
  objectives: NonNullable<ServiceState['spec']>['plan']['objectives'],
): FlowPromise {
  const ratios = objectives.flatMap((each) => (each.kind === 'success' ? [1 - each.ratioMin] : []));
  return {
    errorRatioMax: ratios.length === 0 ? undeclaredErrorRatioMax : Math.min(...ratios),
    isDeclared: ratios.length > 0,
    latencies: objectives.flatMap((each) =>
      each.kind === 'latency' ? [{ quantile: each.quantile, limitMs: each.limitMs }] : [],
    ),
  };
}

/** Of the revisions that have traffic; one without a share may come and go as its rollout wants. */
function standingOf(state: ServiceState, nowMs: number): Standing {
  const shares = state.traffic?.shares ?? [];
  const serving = new Set(
    shares.filter(({ weightPercent }) => weightPercent > 0).map((each) => each.revisionId),
  );
  const own = state.instances.filter(({ revisionId }) => serving.has(revisionId));
  const sleeping = (state.counts ?? []).filter(
    ({ revisionId, asleepSinceMs }) => serving.has(revisionId) && asleepSinceMs !== undefined,
  );
  const phase = servicePhase(state, nowMs);
  const alert = state.rollout === null ? null : alertOf(state.rollout);
  const isTroubled = alert !== null || phase === 'Parked' || phase === 'RolledBack';
  const total = own.reduce((sum, each) => sum + each.total, 0);
  return {
    ready: own.reduce((sum, each) => sum + each.ready, 0),
    total,
    // A first revision that only starts has no share yet, and is nobody's outage.
    isAsleep: total === 0 && (sleeping.length > 0 || serving.size === 0),
    reason: own.find(({ ready, total: all }) => ready < all)?.reason ?? null,
    trouble: isTroubled ? describeService(state, nowMs) : null,
  };
}

function rolloutOf(state: ServiceState): GraphNode['rollout'] {
  const rollout = activeRollout(state);
  if (rollout === null) return null;
  const { phase, plan } = rollout;
  return {
    id: rollout.id,
    stepNumber: 'stepIndex' in phase ? phase.stepIndex + 1 : null,
    stepCount: plan.steps.length,
    wantedSharePercent: candidateWeightPercent(state),
    measuredSharePercent: measuredSharePercent(rollout.stepTotals),
  };
}

function revisionsOf(
  state: ServiceState,
  flows: ReadonlyMap<string, Flow>,
  seconds: number,
): GraphEdge['revisions'] {
  const all = addFlows([...flows.values()]).requests;
  const shares = new Map(
    (state.traffic?.shares ?? []).map((each) => [each.revisionId, each.weightPercent]),
  );
  const ids = [...new Set([...shares.keys(), ...flows.keys()])];
  return ids.map((revisionId) => {
    const flow = flows.get(revisionId) ?? noFlow;
    return {
      revisionId,
      version: versionOf(state, revisionId),
      weightPercent: shares.get(revisionId) ?? 0,
      measuredSharePercent: all === 0 ? null : (100 * flow.requests) / all,
      ...figuresOf(flow, seconds),
    };
  });
}

function versionOf(state: ServiceState, revisionId: string): string | null {
  const known: readonly (Revision | null | undefined)[] = [
    state.rollout?.candidate,
    stableOf(state),
    ...state.stables,
  ];
  return known.find((each) => each?.id === revisionId)?.version ?? null;
}

function figuresOf(
  flow: Flow,
  seconds: number,
): Pick<GraphEdge, 'requestsPerSecond' | 'errorRatio' | 'p99Ms'> {
  if (flow.requests === 0) return { requestsPerSecond: 0, errorRatio: null, p99Ms: null };
  return {
    requestsPerSecond: flow.requests / seconds,
    errorRatio: flow.failures / flow.requests,
    p99Ms: latencyQuantileMs(flow, 0.99),
  };
}

/** Between services that are both shown. Their health is that of whom they lead to, as what flows along them is not counted apart. */
function declaredEdges(kept: readonly Seen[]): readonly GraphEdge[] {
  const shown = new Map(kept.map((each) => [each.node.name, each]));
  return kept.flatMap(({ node, dependsOn }) =>
    dependsOn.flatMap((name): GraphEdge[] => {
      const to = shown.get(name);
      if (to === undefined) return [];
      const { health, sentence } = to.edge;
      const figures = { requestsPerSecond: null, errorRatio: null, p99Ms: null };
      const ends = { id: `${node.name}>${name}`, from: node.id, to: to.node.id };
      return [{ ...ends, source: 'declared', health, sentence, ...figures, revisions: [] }];
    }),
  );
}

const noFlow: Flow = { requests: 0, failures: 0, latency: [] };
