import type {
  LedgerEvent,
  Instance,
  Revision,
  RolloutSummary,
  Rollout,
  ServerStatus,
  Service,
} from '../../api/client/generated/schemas.ts';

/** What a server would send, for the tests of the command line. */
export const startedAt = '2026-11-20T10:00:00.000Z';

export function revision(service: string, number: number): Revision {
  return {
    id: `${service}-${String(number).repeat(10)}`,
    service,
    version: `v${number}`,
    command: ['node', `${service}.js`],
    instances: 1,
  };
}

export function instance(of: Revision, more: Partial<Instance> = {}): Instance {
  return {
    id: `${of.id}-1`,
    service: of.service,
    revisionId: of.id,
    state: 'ready',
    port: 41_001,
    pid: 1234,
    startedAt,
    restarts: 0,
    reason: null,
    cpuSeconds: 1.25,
    rssBytes: 60 * 1024 * 1024,
    ...more,
  };
}

export function stableService(name: string, more: Partial<Service['spec']> = {}): Service {
  const stable = revision(name, 1);
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: 'default',
      uid: '5a0e1f3c-7b1d-8c55-9d3a-0123456789ab',
      resourceVersion: '7',
    },
    spec: {
      host: `${name}.localhost`,
      dependsOn: [],
      revision: stable,
      requestTimeoutMs: 2000,
      strategy: 'canary',
      bakeMs: 5000,
      stepWeightsPercent: [10, 50, 100],
      gate: { falseRollback: '0.1%', worseBy: '0.25pp', incident: '5s' },
      objectives: ['availability: success 99%'],
      ...more,
    },
    status: {
      phase: 'Stable',
      sentence: 'stable',
      conditions: [],
      stable,
      stables: [stable],
      rollout: null,
      traffic: [{ revisionId: stable.id, weightPercent: 100 }],
      instances: [instance(stable)],
    },
  };
}

const errorsExplained = {
  metric: 'errors',
  kind: 'ratio' as const,
  candidate: { requests: 1000, failures: 0 },
  stable: { requests: 9000, failures: 2 },
  slowFromMs: null,
  interval: { lowRatio: -0.002, highRatio: 0.004 },
  evidence: 0.75,
  limit: 1667,
  budgetShareRatio: 0.6,
  budgetUsedRatio: 0.00045,
  trouble: null,
  sentence: '0 of 1,000 failed',
};

export function rollout(service: string, more: Partial<Rollout> = {}): Rollout {
  return {
    id: `${service}-2`,
    kind: 'canary',
    from: revision(service, 1),
    to: revision(service, 2),
    phase: 'judging',
    stepNumber: 2,
    stepCount: 3,
    stepWeightsPercent: [10, 50, 100],
    wantedSharePercent: 50,
    measuredSharePercent: 40,
    isPaused: false,
    isWaitingForPerson: false,
    totals: {
      candidate: { requests: 1240, failures: 0 },
      stable: { requests: 11_160, failures: 3 },
    },
    steps: [
      {
        weightPercent: 10,
        measuredSharePercent: 9.8,
        totals: {
          candidate: { requests: 240, failures: 0 },
          stable: { requests: 2160, failures: 1 },
        },
        since: startedAt,
        until: '2026-11-20T10:00:03.500Z',
        sentence: 'not worse than +3 pp',
      },
    ],
    gate: {
      verdict: 'undecided',
      candidate: { requests: 1000, failures: 0 },
      stable: { requests: 9000, failures: 2 },
      against: 0.75,
      againstLimit: 1000,
      for: 12.3456,
      forLimit: 20,
      marginRatio: 0.005,
      metric: 'errors',
      p95: { candidateMs: 12, stableMs: 11 },
      difference: { lowRatio: -0.002, highRatio: 0.004, sentence: 'between -0.2 and +0.4 pp' },
      heldBy: null,
      metrics: [errorsExplained],
      beforeAfter: null,
      sentence: '0 of 1,000 candidate requests failed',
    },
    alert: null,
    cause: null,
    startedAt,
    startedBy: { who: 'ann', why: 'faster search' },
    endedAt: null,
    sentence: 'step 2 of 3 at 50 % (measured 40 %): 0 of 1,000 candidate requests failed',
    ...more,
  };
}

/** In the middle of a canary rollout; `more` changes the rollout. */
export function movingService(name: string, more: Partial<Rollout> = {}): Service {
  const service = stableService(name);
  const moving = rollout(name, more);
  const { phase } = moving;
  const isOver = phase === 'promoted' || phase === 'rolled-back';
  return {
    ...service,
    status: {
      ...service.status,
      phase:
        phase === 'rolled-back' ? 'RolledBack' : phase === 'promoted' ? 'Stable' : 'Progressing',
      sentence: moving.sentence,
      rollout: moving,
      traffic: isOver
        ? service.status.traffic
        : [
            { revisionId: moving.to.id, weightPercent: 50 },
            { revisionId: service.spec.revision.id, weightPercent: 50 },
          ],
      instances: [
        ...service.status.instances,
        instance(moving.to, {
          state: 'backing-off',
          restarts: 2,
          reason: 'exit code 1',
          pid: null,
        }),
      ],
    },
  };
}

export function summary(service: string, outcome: RolloutSummary['outcome']): RolloutSummary {
  return {
    id: `${service}-2`,
    kind: 'canary',
    fromRevisionId: revision(service, 1).id,
    toRevisionId: revision(service, 2).id,
    toVersion: 'v2',
    outcome,
    cause: outcome === 'promoted' ? null : { kind: 'gate', sentence: 'too many', at: startedAt },
    startedAt,
    endedAt: '2026-11-20T10:01:00.000Z',
    startedBy: { who: 'ann', why: null },
    totals: rollout(service).totals,
  };
}

export function event(index: number, service: string | null): LedgerEvent {
  return {
    index,
    at: startedAt,
    type: 'decision',
    service,
    rolloutId: service === null ? null : `${service}-2`,
    decision: 'shift',
    weightPercent: 10,
    by: { who: 'ann', why: 'faster search' },
    severity: 'info',
    sentence: `what happened at ${index}`,
  };
}

export const serverStatus: ServerStatus = {
  version: '0.1.0',
  pid: 4321,
  startedAt,
  stateFolder: '/var/lib/tidegate',
  rssBytes: 90 * 1024 * 1024,
  gateway: {
    url: 'http://127.0.0.1:7400',
    metricsUrl: 'http://127.0.0.1:7401/metrics',
    pid: 4322,
    isReachable: true,
    tableVersion: 7,
    restarts: 0,
    workers: null,
  },
  ledger: {
    entries: 1234,
    headLeafHash: 'a'.repeat(64),
    keyId: 'b'.repeat(64),
    trouble: null,
    witnessMode: 'off',
    witnessProblem: null,
  },
  cdEvents: null,
};
