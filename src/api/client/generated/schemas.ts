/** Written from docs/openapi.json: TIDEGATE_REWRITE=1 node --test src/apps/server/http/openapi.test.ts */
export interface ActionInput {
  readonly action: 'promote' | 'promote-full' | 'pause' | 'resume' | 'abort' | 'retry' | 'undo' | 'restart' | 'delete';
  readonly toRevision?: string | null | undefined;
  readonly who: string;
  readonly why?: string | null | undefined;
  readonly override?: boolean | undefined;
  readonly resourceVersion?: string | undefined;
}

export interface ActionPreview {
  readonly action: 'promote' | 'promote-full' | 'pause' | 'resume' | 'abort' | 'retry' | 'undo';
  readonly outcome: 'would-do' | 'would-refuse' | 'would-change-nothing';
  readonly sentence: string;
  readonly resourceVersion: string;
  readonly from: Revision | null;
  readonly to: Revision | null;
  readonly traffic: {
    readonly now: readonly {
      readonly revisionId: string;
      readonly weightPercent: number;
    }[];
    readonly after: readonly {
      readonly revisionId: string;
      readonly weightPercent: number;
    }[];
  };
  readonly diff: readonly string[];
  readonly estimate: EstimateItem | null;
}

export interface ApplyInput {
  readonly files: readonly {
    readonly path: string;
    readonly text: string;
  }[];
  readonly dryRun?: boolean | undefined;
  readonly who: string;
  readonly why?: string | null | undefined;
  readonly resourceVersions?: Readonly<Record<string, string>> | undefined;
}

export interface ApplyResult {
  readonly service: string;
  readonly outcome: 'started' | 'updated' | 'unchanged' | 'refused';
  readonly rolloutId: string | null;
  readonly revisionId: string;
  readonly sentence: string;
  readonly diff: readonly string[];
}

export interface ApprovalRequest {
  readonly service: string;
  readonly rolloutId: string;
  readonly stepNumber: number;
  readonly entryIndex: number;
  readonly sha256: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly policySha256: string;
  readonly rules: readonly {
    readonly role: string;
    readonly count: number;
  }[];
  readonly validForMs: number;
  readonly author: string;
  readonly state: 'open' | 'met' | 'rejected';
  readonly missing: readonly {
    readonly role: string;
    readonly count: number;
  }[];
  readonly approvals: readonly {
    readonly entryIndex: number;
    readonly person: string;
    readonly role: string;
    readonly verdict: 'approve' | 'reject' | 'withdraw';
    readonly at: string;
    readonly expiresAt: string;
    readonly reason: string;
    readonly refused: string | null;
  }[];
}

export interface Arm {
  readonly requests: number;
  readonly failures: number;
}

export interface ArmPair {
  readonly candidate: Arm;
  readonly stable: Arm;
}

export interface BeforeAfter {
  readonly strength: 'weaker';
  readonly mode: 'off' | 'warn' | 'hold' | 'roll-back';
  readonly metric: 'errors' | 'latency';
  readonly before: Arm;
  readonly beforeMs: number;
  readonly after: Arm;
  readonly slowFromMs: number | null;
  readonly allowedRatio: number;
  readonly evidence: number;
  readonly warnLimit: number;
  readonly rollBackLimit: number;
  readonly isWarning: boolean;
  readonly sentence: string;
}

export interface CachePurgeInput {
  readonly service: string;
  readonly what: {
    readonly kind: 'all';
  } | {
    readonly kind: 'tag';
    readonly tag: string;
  } | {
    readonly kind: 'path';
    readonly path: string;
  };
  readonly who: string;
  readonly why: string;
}

export interface Cause {
  readonly kind: string;
  readonly sentence: string;
  readonly at: string;
}

export interface CdEventsStatus {
  readonly sink: string | null;
  readonly nextIndex: number;
  readonly behindEntries: number;
  readonly taken: number;
  readonly unwanted: number;
  readonly failedTries: number;
  readonly problem: string | null;
}

export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string | null;
}

export interface EstimateItem {
  readonly service: string;
  readonly rolloutId: string | null;
  readonly requestsPerSecond: number | null;
  readonly baseErrorRatio: number;
  readonly sentences: readonly string[];
  readonly totalMs: number | null;
  readonly steps: readonly {
    readonly weightPercent: number;
    readonly marginRatio: number;
    readonly requests: number | null;
    readonly verdictMs: number | null;
    readonly lastsMs: number | null;
    readonly isInTime: boolean;
  }[];
  readonly detections: readonly {
    readonly name: string;
    readonly candidateRatio: number;
    readonly candidateRequests: number | null;
    readonly failedRequests: number | null;
    readonly detectedMs: number | null;
  }[];
}

export interface Explanation {
  readonly verdict: 'pass' | 'fail' | 'undecided';
  readonly candidate: Arm;
  readonly stable: Arm;
  readonly against: number;
  readonly againstLimit: number;
  readonly for: number;
  readonly forLimit: number;
  readonly marginRatio: number;
  readonly metric: string;
  readonly p95: {
    readonly candidateMs: number;
    readonly stableMs: number;
  } | null;
  readonly difference: {
    readonly lowRatio: number;
    readonly highRatio: number;
    readonly sentence: string;
  };
  readonly heldBy: string | null;
  readonly metrics: readonly MetricExplanation[];
  readonly beforeAfter: BeforeAfter | null;
  readonly setAside?: {
    readonly retry: number;
    readonly sameClient: number;
    readonly tooManyClients: number;
  } | undefined;
  readonly sentence: string;
}

export interface Fault {
  readonly id: string;
  readonly service: string;
  readonly sentence: string;
  readonly by: {
    readonly who: string;
    readonly why: string;
  };
  readonly since: string;
  readonly until: string;
}

export type FaultChangeInput = {
  readonly action: 'add';
  readonly service: string;
  readonly who: string;
  readonly why: string;
  readonly lastsMs?: number | undefined;
  readonly percent: number;
  readonly delayMs: number | null;
  readonly abort: 'reset' | number | null;
  readonly revision: string | null;
  readonly instance: string | null;
  readonly rule: string | null;
  readonly match: {
    readonly path: string | null;
    readonly method: string | null;
    readonly headers: readonly {
      readonly name: string;
      readonly value: string;
    }[];
  } | null;
  readonly isEvidence: boolean;
} | {
  readonly action: 'remove';
  readonly id: string;
  readonly who: string;
  readonly why: string;
};

export interface Flag {
  readonly key: string;
  readonly service: string;
  readonly revisionId: string;
  readonly role: 'stable' | 'candidate';
  readonly type: 'boolean' | 'string' | 'number' | 'object';
  readonly state: 'ENABLED' | 'DISABLED';
  readonly variant: string;
  readonly value: unknown;
  readonly variants: readonly string[];
  readonly rules: readonly string[];
  readonly environment?: string | undefined;
  readonly turnedBy?: {
    readonly rolloutId: string;
    readonly stepNumber: number;
  } | undefined;
  readonly sentence: string;
}

export interface Grant {
  readonly role: 'viewer' | 'developer' | 'approver' | 'operator' | 'admin' | 'auditor';
  readonly services: readonly string[];
}

export interface Hand {
  readonly who: string;
  readonly why: string | null;
}

export interface Instance {
  readonly id: string;
  readonly service: string;
  readonly revisionId: string;
  readonly state: 'starting' | 'ready' | 'unready' | 'backing-off' | 'stopping';
  readonly port: number | null;
  readonly pid: number | null;
  readonly startedAt: string | null;
  readonly restarts: number;
  readonly reason: string | null;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  readonly isEjected?: boolean | undefined;
  readonly zone?: string | undefined;
  readonly certificateEndsAt?: string | undefined;
  readonly limits?: {
    readonly memory?: {
      readonly bytes: number;
      readonly enforcedBy: 'cgroup' | 'watching';
    } | undefined;
    readonly cpu?: {
      readonly cores: number;
      readonly enforcedBy: 'cgroup' | 'nobody';
    } | undefined;
    readonly trouble: string | null;
  } | undefined;
  readonly outOfMemory?: {
    readonly count: number;
    readonly at: string;
    readonly memoryBytes: number;
  } | undefined;
}

export interface LedgerEvent {
  readonly index: number;
  readonly at: string;
  readonly type: string;
  readonly service: string | null;
  readonly rolloutId: string | null;
  readonly decision: string | null;
  readonly weightPercent: number | null;
  readonly by: Hand | null;
  readonly severity: 'info' | 'warning';
  readonly sentence: string;
}

export interface LedgerInput {
  readonly sha256: string;
  readonly base64: string | null;
}

export interface LoadReceipt {
  readonly entryIndex: number;
  readonly sentence: string;
  readonly rolloutId: string | null;
  readonly sha256: string;
  readonly notKept: string | null;
}

export interface LoadTestInput {
  readonly who: string;
  readonly why: string | null;
  readonly path: string;
  readonly thresholds: {
    readonly errorRatioMax: number | null;
    readonly p99MsMax: number | null;
  };
  readonly failedThresholds: readonly string[];
  readonly result: {
    readonly targetRps: number;
    readonly achievedRps: number;
    readonly startedAtMs: number;
    readonly durationMs: number;
    readonly scheduled: number;
    readonly requests: number;
    readonly dropped: number;
    readonly errors: number;
    readonly byStatus: Readonly<Record<string, number>>;
    readonly byError: Readonly<Record<string, number>>;
    readonly p50Ms: number;
    readonly p95Ms: number;
    readonly p99Ms: number;
    readonly p999Ms: number;
    readonly maxMs: number;
    readonly service: {
      readonly p50Ms: number;
      readonly p95Ms: number;
      readonly p99Ms: number;
      readonly maxMs: number;
    };
    readonly sendLagP99Ms: number;
    readonly sendLagMaxMs: number;
    readonly cpuUsPerRequest: number;
    readonly valid: boolean;
    readonly invalidBecause: readonly string[];
    readonly series: readonly {
      readonly atMs: number;
      readonly durationMs: number;
      readonly requests: number;
      readonly errors: number;
    }[];
  };
}

export interface LogLine {
  readonly instanceId: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

export interface LoginLink {
  readonly url: string;
  readonly expiresAt: string;
}

export interface LoginLinkCreateInput {
  readonly person: string;
  readonly role: 'viewer' | 'developer' | 'approver' | 'operator' | 'admin' | 'auditor';
  readonly services: readonly string[];
  readonly who: string;
  readonly why?: string | null | undefined;
}

export interface MetricExplanation {
  readonly metric: string;
  readonly kind: 'ratio' | 'histogram' | 'objective';
  readonly candidate: Arm;
  readonly stable: Arm | null;
  readonly slowFromMs: number | null;
  readonly interval: {
    readonly lowRatio: number;
    readonly highRatio: number;
  } | null;
  readonly evidence: number;
  readonly limit: number;
  readonly budgetShareRatio: number;
  readonly budgetUsedRatio: number;
  readonly trouble: string | null;
  readonly sentence: string;
}

export interface Person {
  readonly person: string;
  readonly roles: readonly string[];
  readonly keys: readonly {
    readonly keyId: string;
    readonly isValid: boolean;
  }[];
}

export type PersonChangeInput = {
  readonly action: 'enrol';
  readonly enrolment: string;
  readonly roles: readonly string[];
  readonly who: string;
} | {
  readonly action: 'assign-roles';
  readonly person: string;
  readonly roles: readonly string[];
  readonly who: string;
} | {
  readonly action: 'revoke';
  readonly keyId: string;
  readonly reason: string;
  readonly who: string;
};

export interface PolicyCheck {
  readonly kind: 'PolicyCheck';
  readonly allowed: boolean;
  readonly mode: 'enforce' | 'audit' | null;
  readonly rule: {
    readonly name: string;
    readonly action: 'ALLOW' | 'DENY';
    readonly place: string | null;
  } | null;
  readonly principal: string | null;
  readonly address: string;
  readonly sentence: string;
}

export interface PolicyCheckRequestInput {
  readonly from: string;
  readonly trustDomain: string;
  readonly address: string | null;
  readonly to: string;
  readonly method: string;
  readonly path: string;
  readonly claims: Readonly<Record<string, readonly string[]>>;
}

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly resourceVersion?: string | undefined;
  readonly problems?: readonly {
    readonly path: string;
    readonly line: number;
    readonly column: number;
    readonly message: string;
    readonly hint: string | null;
    readonly sourceLine: string;
  }[] | undefined;
}

export interface Resources {
  readonly revisionId: string;
  readonly requests: {
    readonly cpuCores: number | null;
    readonly memoryBytes: number | null;
  };
  readonly used: {
    readonly cpuCores: number;
    readonly memoryBytes: number;
  };
  readonly recommended: {
    readonly target: {
      readonly cpuCores: number;
      readonly memoryBytes: number;
    };
    readonly lower: {
      readonly cpuCores: number;
      readonly memoryBytes: number;
    };
    readonly upper: {
      readonly cpuCores: number;
      readonly memoryBytes: number;
    };
  };
  readonly savingRatio: {
    readonly cpu: number | null;
    readonly memory: number | null;
  };
  readonly samples: number;
}

export interface Restart {
  readonly id: string;
  readonly revisionId: string;
  readonly phase: 'running' | 'done' | 'given-up';
  readonly sentence: string;
  readonly doneCount: number;
  readonly totalCount: number;
  readonly by: {
    readonly who: string;
    readonly why: string | null;
  };
  readonly startedAt: string;
  readonly endedAt: string | null;
}

export interface Revision {
  readonly id: string;
  readonly service: string;
  readonly version: string | null;
  readonly command: readonly string[];
  readonly instances: number;
}

export interface Rollout {
  readonly id: string;
  readonly kind: 'first' | 'canary' | 'blue-green' | 'rolling' | 'recreate' | 'undo';
  readonly from: Revision | null;
  readonly to: Revision;
  readonly phase: 'starting' | 'rolling' | 'shifting' | 'judging' | 'waiting' | 'parked' | 'baking' | 'reverting' | 'promoted' | 'rolled-back';
  readonly stepNumber: number | null;
  readonly stepCount: number;
  readonly stepWeightsPercent: readonly number[];
  readonly wantedSharePercent: number;
  readonly measuredSharePercent: number | null;
  readonly isPaused: boolean;
  readonly isWaitingForPerson: boolean;
  readonly totals: ArmPair;
  readonly steps: readonly StepResult[];
  readonly gate: Explanation | null;
  readonly alert: {
    readonly severity: 'warning';
    readonly since: string;
    readonly sentence: string;
  } | null;
  readonly cause: Cause | null;
  readonly shadow?: {
    readonly requests: number;
    readonly failures: number;
    readonly dropped: number;
    readonly p95Ms: number | null;
  } | undefined;
  readonly startedAt: string;
  readonly startedBy: Hand;
  readonly endedAt: string | null;
  readonly sentence: string;
}

export interface RolloutItem {
  readonly apiVersion: 'tidegate.dev/v1';
  readonly kind: 'Rollout';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
  };
  readonly service: string;
  readonly toVersion: string | null;
  readonly startedBy: string;
  readonly startedAt: string;
  readonly status: {
    readonly phase: 'Starting' | 'Stable' | 'Progressing' | 'Parked' | 'Paused' | 'Waiting' | 'RolledBack';
    readonly stepNumber: number | null;
    readonly stepCount: number;
    readonly wantedSharePercent: number;
    readonly measuredSharePercent: number | null;
    readonly verdict: 'pass' | 'fail' | 'undecided' | null;
    readonly isWaitingForPerson: boolean;
    readonly sentence: string;
  };
}

export interface RolloutReplay {
  readonly rolloutId: string;
  readonly isSame: boolean;
  readonly decisionCount: number;
  readonly sameCount: number;
  readonly eventCount: number;
  readonly versions: readonly string[];
  readonly replayedByVersion: string;
  readonly firstDifference: {
    readonly entryIndex: number;
    readonly version: string;
    readonly what: string;
    readonly recorded: {
      readonly decision: string;
      readonly sentence: string;
      readonly verdict: 'pass' | 'fail' | 'undecided' | null;
    } | null;
    readonly replayed: {
      readonly decision: string;
      readonly sentence: string;
      readonly verdict: 'pass' | 'fail' | 'undecided' | null;
    } | null;
  } | null;
}

export interface RolloutResource {
  readonly apiVersion: 'tidegate.dev/v1';
  readonly kind: 'Rollout';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
    readonly creationTimestamp: string;
  };
  readonly spec: {
    readonly service: string;
    readonly strategy: string;
    readonly stepWeightsPercent: readonly number[];
    readonly bakeMs: number;
    readonly gate: Readonly<Record<string, string>>;
    readonly objectives: readonly string[];
    readonly startedBy: Hand;
  };
  readonly status: {
    readonly observedGeneration: number;
    readonly conditions: readonly Condition[];
    readonly rollout: Rollout;
  };
}

export interface RolloutSamples {
  readonly rolloutId: string;
  readonly points: readonly SamplePoint[];
  readonly omitted: number;
}

export interface RolloutSummary {
  readonly id: string;
  readonly kind: 'first' | 'canary' | 'blue-green' | 'rolling' | 'recreate' | 'undo';
  readonly fromRevisionId: string | null;
  readonly toRevisionId: string;
  readonly toVersion: string | null;
  readonly outcome: 'promoted' | 'rolled-back';
  readonly cause: Cause | null;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly startedBy: Hand;
  readonly totals: ArmPair;
}

export interface SamplePoint {
  readonly at: string;
  readonly entryIndex: number | null;
  readonly weightPercent: number | null;
  readonly verdict: 'pass' | 'fail' | 'undecided';
  readonly against: number;
  readonly againstLimit: number;
  readonly for: number;
  readonly forLimit: number;
  readonly p95: {
    readonly candidateMs: number;
    readonly stableMs: number;
  } | null;
  readonly metrics: readonly {
    readonly metric: string;
    readonly kind: 'ratio' | 'histogram' | 'objective';
    readonly candidate: Arm;
    readonly stable: Arm | null;
    readonly slowFromMs: number | null;
    readonly interval: {
      readonly lowRatio: number;
      readonly highRatio: number;
    } | null;
    readonly evidence: number;
    readonly limit: number;
  }[];
  readonly sentence: string;
}

export interface Scaling {
  readonly revisionId: string;
  readonly min: number;
  readonly max: number;
  readonly desired: number | null;
  readonly ordered: number;
  readonly ready: number;
  readonly asleepSince?: string | undefined;
  readonly limitedBy: 'nothing' | 'no metrics' | 'reserve' | 'window' | 'policy' | 'panic' | 'min' | 'max' | null;
  readonly metrics: readonly {
    readonly metric: string;
    readonly perInstance: number | null;
    readonly target: number;
    readonly instances: number | null;
  }[];
  readonly sentence: string;
}

export interface ServerStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly stateFolder: string;
  readonly rssBytes: number;
  readonly gateway: {
    readonly url: string;
    readonly metricsUrl: string | null;
    readonly pid: number | null;
    readonly isReachable: boolean;
    readonly tableVersion: number | null;
    readonly restarts: number;
    readonly workers: {
      readonly wanted: number;
      readonly serving: number;
      readonly lost: number;
    } | null;
  };
  readonly ledger: {
    readonly entries: number;
    readonly headLeafHash: string | null;
    readonly keyId: string;
    readonly trouble: string | null;
    readonly witnessMode: 'require' | 'warn' | 'off';
    readonly witnessProblem: string | null;
  };
  readonly cdEvents: CdEventsStatus | null;
}

export interface Service {
  readonly apiVersion: 'tidegate.dev/v1';
  readonly kind: 'Service';
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
  readonly spec: {
    readonly host: string;
    readonly dependsOn: readonly string[];
    readonly revision: Revision;
    readonly requestTimeoutMs: number;
    readonly rules?: readonly {
      readonly name: string;
      readonly matches: readonly string[];
      readonly timeouts: Readonly<Record<string, string>>;
      readonly maxBodyBytes?: number | undefined;
      readonly retries?: Readonly<Record<string, string>> | undefined;
      readonly rateLimit?: Readonly<Record<string, string>> | undefined;
      readonly jwt?: Readonly<Record<string, string>> | undefined;
    }[] | undefined;
    readonly sticky?: string | undefined;
    readonly trafficPolicy?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined;
    readonly stepMatches?: readonly {
      readonly weightPercent: number;
      readonly matches: readonly string[];
    }[] | undefined;
    readonly strategy: string;
    readonly bakeMs: number;
    readonly stepWeightsPercent: readonly number[];
    readonly gate: Readonly<Record<string, string>>;
    readonly objectives: readonly string[];
  };
  readonly status: {
    readonly phase: 'Starting' | 'Stable' | 'Progressing' | 'Parked' | 'Paused' | 'Waiting' | 'RolledBack';
    readonly sentence: string;
    readonly conditions: readonly Condition[];
    readonly stable: Revision | null;
    readonly stables: readonly Revision[];
    readonly rollout: Rollout | null;
    readonly traffic: readonly {
      readonly revisionId: string;
      readonly weightPercent: number;
    }[];
    readonly instances: readonly Instance[];
    readonly restart?: Restart | undefined;
    readonly faults?: readonly Fault[] | undefined;
    readonly flags?: readonly Flag[] | undefined;
    readonly scaling?: readonly Scaling[] | undefined;
    readonly resources?: readonly Resources[] | undefined;
  };
}

export interface Session {
  readonly name: string;
  readonly roles: readonly ('viewer' | 'developer' | 'approver' | 'operator' | 'admin' | 'auditor')[];
  readonly grants: readonly Grant[];
  readonly by: 'session' | 'token' | 'owner';
  readonly csrfToken: string | null;
  readonly expiresAt: string | null;
  readonly idleEndsAt: string | null;
  readonly allowed: {
    readonly server: readonly string[];
    readonly anyService: readonly string[];
    readonly services: Readonly<Record<string, readonly string[]>>;
  };
}

export type SignInInput = {
  readonly code: string;
} | {
  readonly token: string;
};

export interface SignInWays {
  readonly oidc: {
    readonly issuer: string;
    readonly path: string;
  } | null;
}

export interface StepResult {
  readonly weightPercent: number;
  readonly measuredSharePercent: number | null;
  readonly totals: ArmPair;
  readonly since: string;
  readonly until: string;
  readonly sentence: string;
}

export interface Token {
  readonly id: string;
  readonly person: string;
  readonly role: 'viewer' | 'developer' | 'approver' | 'operator' | 'admin' | 'auditor';
  readonly services: readonly string[];
  readonly createdAt: string;
  readonly createdBy: {
    readonly who: string;
    readonly why: string | null;
  };
  readonly expiresAt: string;
}

export interface TokenCreateInput {
  readonly person: string;
  readonly role: 'viewer' | 'developer' | 'approver' | 'operator' | 'admin' | 'auditor';
  readonly services: readonly string[];
  readonly lastsMs: number;
  readonly who: string;
  readonly why?: string | null | undefined;
}
