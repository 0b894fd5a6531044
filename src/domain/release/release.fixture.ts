import type { ArmCount, TrafficSample } from '../traffic/samples/traffic-sample.ts';
import { decide } from './decide.ts';
import type { Hand, ReleaseEvent, RevisionInstances } from './event.ts';
import type { GateSettings, Plan, Revision, ServiceSpec, Step } from './revision.ts';
import { type Decision, emptyService, type ServiceState } from './service-state.ts';

/** A service, its revisions and its plan as the tests of the decider and of the loop use them. */
export const ana: Hand = { who: 'ana', why: null };

export const gate: GateSettings = {
  falseRollbackRatio: 0.001,
  falsePromotionRatio: 0.05,
  worseByRatio: 0.05,
  soakMs: 1_000,
  atMostMs: 600_000,
};

/** Revision `number` (1-15) of a service: `web-1111111111`, called v1. */
export function revisionOf(number: number, service = 'web'): Revision {
  return {
    id: `${service}-${number.toString(16).repeat(10)}`,
    digest: number.toString(16).repeat(64),
    service,
    version: `v${number}`,
    command: ['node', 'server.js'],
    workingDirectory: '/srv',
    env: { VERSION: `v${number}` },
    health: { readyPath: '/readyz', livePath: null, stopGraceMs: 5_000, startTimeoutMs: 10_000 },
    instances: 2,
  };
}

export function stepOf(weightPercent: number, options: Partial<Step> = {}): Step {
  return {
    weightPercent,
    match: null,
    atLeastMs: 0,
    gated: weightPercent < 100,
    wait: { kind: 'none' },
    ...options,
  };
}

export const plan: Plan = {
  steps: [stepOf(10), stepOf(50), stepOf(100)],
  gate,
  bakeMs: 5_000,
  objectives: [],
};

export function specOf(number: number, options: Partial<ServiceSpec> = {}): ServiceSpec {
  const name = options.name ?? 'web';
  return {
    name,
    host: `${name}.localhost`,
    requestTimeoutMs: 15_000,
    dependsOn: [],
    revision: revisionOf(number, name),
    plan,
    ...options,
  };
}

/** `ready` of two instances. */
export function instancesOf(number: number, ready = 2, restarts = 0): RevisionInstances {
  const reason = ready < 2 ? 'GET /readyz answered 503' : null;
  return { revisionId: revisionOf(number).id, ready, total: 2, restarts, reason };
}

export function sampleOf(
  atMs: number,
  counts: readonly (ArmCount & { readonly revisionId: string; readonly isMatched?: boolean })[],
  isCatchUp = false,
): TrafficSample {
  return {
    atMs,
    service: 'web',
    isCatchUp,
    counts: counts.map(({ revisionId, requests, failures, isMatched = false }) => ({
      revisionId,
      isMatched,
      instanceId: `${revisionId}-1`,
      byStatusClass: [0, requests - failures, 0, 0, failures, 0],
      latency: [],
    })),
  };
}

/** Plays events; every decision, the last one's state included. */
export function play(
  events: readonly ReleaseEvent[],
  from: ServiceState = emptyService('web'),
): { readonly state: ServiceState; readonly decisions: readonly Decision[] } {
  let state = from;
  const decisions: Decision[] = [];
  for (const event of events) {
    const decision = decide(state, event);
    decisions.push(decision);
    ({ state } = decision);
  }
  return { state, decisions };
}

/** The key that the phase under way waits for; null: it waits for none. */
export function awaitedKey(state: ServiceState): string | null {
  const phase = state.rollout?.phase;
  return phase !== undefined && 'effectKey' in phase ? phase.effectKey : null;
}

/** The events that make `number` the first stable revision of a service, 1 s apart. */
export function firstRollout(number = 1): readonly ReleaseEvent[] {
  return [
    { kind: 'apply', atMs: 1_000, spec: specOf(number), by: ana },
    { kind: 'instances', atMs: 2_000, revisions: [instancesOf(number)] },
    { kind: 'effect-done', atMs: 3_000, key: 'web/2/route' },
  ];
}
