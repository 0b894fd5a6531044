/** Written from docs/openapi.json: TIDEGATE_REWRITE=1 node --test src/apps/server/http/openapi.test.ts */
import type {
  ActionInput,
  ActionPreview,
  ApplyInput,
  ApplyResult,
  ApprovalRequest,
  CachePurgeInput,
  EstimateItem,
  Fault,
  FaultChangeInput,
  LedgerEvent,
  LedgerInput,
  LoadReceipt,
  LoadTestInput,
  LoginLink,
  LoginLinkCreateInput,
  Person,
  PersonChangeInput,
  PolicyCheck,
  PolicyCheckRequestInput,
  RolloutItem,
  RolloutReplay,
  RolloutResource,
  RolloutSamples,
  RolloutSummary,
  ServerStatus,
  Service,
  Session,
  SignInInput,
  SignInWays,
  Token,
  TokenCreateInput,
} from './schemas.ts';

export interface GetRoutes {
  readonly '/v1/rollouts': {
    readonly path: undefined;
    readonly query: {
      readonly limit?: number | undefined;
      readonly continue?: string | undefined;
      readonly phase?: string | undefined;
      readonly name?: string | undefined;
      readonly sort?: 'health' | 'service' | 'started' | undefined;
    };
    readonly body: undefined;
    readonly answer: {
      readonly metadata: {
        readonly continue: string | null;
      };
      readonly items: readonly RolloutItem[];
    };
  };
  readonly '/livez': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly status: 'ok';
    };
  };
  readonly '/readyz': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly status: 'ok';
    };
  };
  readonly '/v1/status': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: ServerStatus;
  };
  readonly '/v1/services': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly Service[];
    };
  };
  readonly '/v1/services/{name}': {
    readonly path: {
      readonly name: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: Service;
  };
  readonly '/v1/services/{name}/rollouts': {
    readonly path: {
      readonly name: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly RolloutSummary[];
    };
  };
  readonly '/v1/rollouts/{id}/replay': {
    readonly path: {
      readonly id: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: RolloutReplay;
  };
  readonly '/v1/estimate/{id}': {
    readonly path: {
      readonly id: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly EstimateItem[];
    };
  };
  readonly '/v1/ledger/inputs/{sha256}': {
    readonly path: {
      readonly sha256: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: LedgerInput;
  };
  readonly '/v1/approvals': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly ApprovalRequest[];
    };
  };
  readonly '/v1/people': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly Person[];
    };
  };
  readonly '/v1/rollouts/{id}/evidence': {
    readonly path: {
      readonly id: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly apiVersion: 'tidegate.dev/v1';
      readonly kind: 'ReleaseEvidence';
      readonly metadata: {
        readonly name: string;
      };
      readonly service: string;
      readonly checkpoint: string | null;
      readonly policy: readonly string[];
      readonly isWhole: boolean;
      readonly entries: readonly {
        readonly index: number;
        readonly about: 'keys' | 'release';
        readonly envelope: string;
        readonly inclusionProof: readonly string[] | null;
      }[];
    };
  };
  readonly '/v1/faults': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly Fault[];
    };
  };
  readonly '/v1/graph': {
    readonly path: undefined;
    readonly query: {
      readonly service?: string | undefined;
      readonly hops?: number | undefined;
      readonly problems?: 'true' | 'false' | undefined;
      readonly namespace?: string | undefined;
      readonly limit?: number | undefined;
    };
    readonly body: undefined;
    readonly answer: {
      readonly apiVersion: 'tidegate.dev/v1';
      readonly kind: 'ServiceGraph';
      readonly at: string;
      readonly windowMs: number;
      readonly nodes: readonly {
        readonly id: string;
        readonly kind: 'service' | 'gateway';
        readonly name: string;
        readonly namespace: string;
        readonly health: 'failing' | 'degraded' | 'quiet' | 'healthy';
        readonly sentence: string | null;
        readonly phase: 'Starting' | 'Stable' | 'Progressing' | 'Parked' | 'Paused' | 'Waiting' | 'RolledBack' | null;
        readonly rollout: {
          readonly id: string;
          readonly stepNumber: number | null;
          readonly stepCount: number;
          readonly wantedSharePercent: number;
          readonly measuredSharePercent: number | null;
        } | null;
        readonly instances: {
          readonly ready: number;
          readonly total: number;
        };
        readonly requestsPerSecond: number | null;
        readonly errorRatio: number | null;
        readonly p99Ms: number | null;
      }[];
      readonly edges: readonly {
        readonly id: string;
        readonly from: string;
        readonly to: string;
        readonly source: 'route' | 'declared';
        readonly health: 'failing' | 'degraded' | 'quiet' | 'healthy';
        readonly sentence: string | null;
        readonly requestsPerSecond: number | null;
        readonly errorRatio: number | null;
        readonly p99Ms: number | null;
        readonly revisions: readonly {
          readonly revisionId: string;
          readonly version: string | null;
          readonly weightPercent: number;
          readonly measuredSharePercent: number | null;
          readonly requestsPerSecond: number | null;
          readonly errorRatio: number | null;
          readonly p99Ms: number | null;
        }[];
      }[];
      readonly omittedCount: number;
    };
  };
  readonly '/v1/rollouts/{id}': {
    readonly path: {
      readonly id: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: RolloutResource;
  };
  readonly '/v1/rollouts/{id}/samples': {
    readonly path: {
      readonly id: string;
    };
    readonly query: {
      readonly points?: number | undefined;
    };
    readonly body: undefined;
    readonly answer: RolloutSamples;
  };
  readonly '/v1/rollouts/{id}/preview': {
    readonly path: {
      readonly id: string;
    };
    readonly query: {
      readonly action: 'promote' | 'promote-full' | 'pause' | 'resume' | 'abort' | 'retry' | 'undo';
      readonly toRevision?: string | undefined;
    };
    readonly body: undefined;
    readonly answer: ActionPreview;
  };
  readonly '/v1/events': {
    readonly path: undefined;
    readonly query: {
      readonly from?: number | undefined;
      readonly service?: string | undefined;
      readonly follow?: 'true' | 'false' | undefined;
    };
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly LedgerEvent[];
    };
  };
  readonly '/v1/logs': {
    readonly path: undefined;
    readonly query: {
      readonly service: string;
      readonly revision?: string | undefined;
      readonly instance?: string | undefined;
      readonly tail?: number | undefined;
      readonly follow?: 'true' | 'false' | undefined;
    };
    readonly body: undefined;
    readonly answer: string;
  };
  readonly '/v1/ledger/export': {
    readonly path: undefined;
    readonly query: {
      readonly from?: number | undefined;
    };
    readonly body: undefined;
    readonly answer: string;
  };
  readonly '/v1/timeline': {
    readonly path: undefined;
    readonly query: {
      readonly since?: string | undefined;
      readonly until?: string | undefined;
      readonly services?: string | undefined;
      readonly kinds?: string | undefined;
      readonly marks?: number | undefined;
    };
    readonly body: undefined;
    readonly answer: {
      readonly apiVersion: 'tidegate.dev/v1';
      readonly kind: 'Timeline';
      readonly since: string;
      readonly until: string;
      readonly knownSince: string | null;
      readonly entryCount: number;
      readonly countByKind: Readonly<Record<string, number>>;
      readonly marks: readonly {
        readonly kind: 'deployment' | 'step' | 'verdict' | 'approval' | 'fault' | 'load-test' | 'scaling' | 'instance' | 'config' | 'alert';
        readonly from: string;
        readonly until: string;
        readonly entryCount: number;
        readonly services: readonly string[];
        readonly severity: 'info' | 'warning';
        readonly entryIndex: number;
        readonly rolloutId: string | null;
        readonly who: string | null;
        readonly sentence: string;
      }[];
    };
  };
  readonly '/v1/tokens': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly Token[];
    };
  };
  readonly '/v1/session': {
    readonly path: undefined;
    readonly query: {
      readonly services?: string | undefined;
    };
    readonly body: undefined;
    readonly answer: Session;
  };
  readonly '/v1/session/ways': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: SignInWays;
  };
  readonly '/v1/sessions': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly items: readonly {
        readonly id: string;
        readonly by: 'link' | 'token' | 'owner' | 'oidc';
        readonly signedInAt: string;
        readonly expiresAt: string;
        readonly idleEndsAt: string;
        readonly isThis: boolean;
      }[];
    };
  };
  readonly '/v1/session/oidc': {
    readonly path: undefined;
    readonly query: {
      readonly returnTo?: string | undefined;
    };
    readonly body: undefined;
    readonly answer: string;
  };
  readonly '/v1/session/oidc/callback': {
    readonly path: undefined;
    readonly query: {
      readonly state: string;
    };
    readonly body: undefined;
    readonly answer: string;
  };
}

export interface PostRoutes {
  readonly '/v1/apply': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: ApplyInput;
    readonly answer: {
      readonly results: readonly ApplyResult[];
    };
  };
  readonly '/v1/services/{name}/actions': {
    readonly path: {
      readonly name: string;
    };
    readonly query: undefined;
    readonly body: ActionInput;
    readonly answer: {
      readonly outcome: 'done' | 'refused';
      readonly sentence: string;
    };
  };
  readonly '/v1/estimate': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: {
      readonly files: readonly {
        readonly path: string;
        readonly text: string;
      }[];
      readonly requestsPerSecond?: number | null | undefined;
      readonly baseErrorRatio?: number | null | undefined;
    };
    readonly answer: {
      readonly items: readonly EstimateItem[];
    };
  };
  readonly '/v1/ledger/checkpoint': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly size: number;
      readonly note: string;
      readonly witnesses: readonly string[];
      readonly problem: string | null;
    };
  };
  readonly '/v1/stop': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: {
      readonly who?: string | undefined;
      readonly all: boolean;
    };
    readonly answer: {
      readonly status: string;
    };
  };
  readonly '/v1/approvals': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: {
      readonly envelope: string;
    };
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
    };
  };
  readonly '/v1/people': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: PersonChangeInput;
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
    };
  };
  readonly '/v1/ledger/keys/rotate': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: {
      readonly who: string;
      readonly reason: string;
    };
    readonly answer: {
      readonly entryIndex: number;
      readonly beforeKeyId: string;
      readonly keyId: string;
      readonly policy: readonly string[];
    };
  };
  readonly '/v1/faults': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: FaultChangeInput;
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
      readonly isInForce: boolean;
      readonly fault: Fault;
    };
  };
  readonly '/v1/cache-purges': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: CachePurgeInput;
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
      readonly isInForce: boolean;
    };
  };
  readonly '/v1/policy/check': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: PolicyCheckRequestInput;
    readonly answer: PolicyCheck;
  };
  readonly '/v1/services/{name}/flags/evaluate': {
    readonly path: {
      readonly name: string;
    };
    readonly query: undefined;
    readonly body: {
      readonly context?: Readonly<Record<string, unknown>> | undefined;
      readonly key?: string | undefined;
    };
    readonly answer: {
      readonly items: readonly {
        readonly key: string;
        readonly revisionId: string;
        readonly role: 'stable' | 'candidate';
        readonly variant: string | null;
        readonly value: unknown;
        readonly reason: string;
        readonly errorCode: string | null;
        readonly details: string;
      }[];
    };
  };
  readonly '/v1/services/{name}/load-tests': {
    readonly path: {
      readonly name: string;
    };
    readonly query: undefined;
    readonly body: LoadTestInput;
    readonly answer: LoadReceipt;
  };
  readonly '/v1/tokens': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: TokenCreateInput;
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
      readonly token: Token;
      readonly secret: string;
    };
  };
  readonly '/v1/tokens/{id}/revoke': {
    readonly path: {
      readonly id: string;
    };
    readonly query: undefined;
    readonly body: {
      readonly who: string;
      readonly why?: string | null | undefined;
    };
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
    };
  };
  readonly '/v1/session': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: SignInInput;
    readonly answer: Session;
  };
  readonly '/v1/login-links': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: LoginLinkCreateInput;
    readonly answer: LoginLink;
  };
}

export interface DeleteRoutes {
  readonly '/v1/session': {
    readonly path: undefined;
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
    };
  };
  readonly '/v1/sessions/{id}': {
    readonly path: {
      readonly id: string;
    };
    readonly query: undefined;
    readonly body: undefined;
    readonly answer: {
      readonly entryIndex: number;
      readonly sentence: string;
    };
  };
}
