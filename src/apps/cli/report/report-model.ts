/** What a report says, as plain JSON: `tidegate report -o json` prints it, the Markdown and the page are drawn from it. */
export interface Report {
  readonly title: string;
  /** RFC 3339 in UTC. */
  readonly generatedAt: string;
  /** Of this program. */
  readonly version: string;
  /** Git commit the report belongs to; null: not known. */
  readonly commit: string | null;
  readonly criteria: readonly Criterion[];
  readonly rollouts: readonly RolloutReport[];
  /** Null: nobody measured from the users' side. */
  readonly load: LoadReport | null;
  readonly ledger: LedgerReport;
}

/** One condition of the exit, what was measured for it, and whether that is enough. */
export interface Criterion {
  readonly name: string;
  readonly wanted: string;
  readonly measured: string;
  readonly isMet: boolean;
}

export interface RolloutReport {
  readonly id: string;
  readonly service: string;
  /** Version where the release file names one, else the revision's id; null: the first release of a service. */
  readonly from: string | null;
  readonly to: string;
  readonly outcome: 'promoted' | 'rolled-back' | 'under-way';
  /** The candidate's share at its last step, as ordered and as it flowed. */
  readonly wantedSharePercent: number;
  readonly measuredSharePercent: number | null;
  readonly requests: number;
  readonly failedRequests: number;
  /** Who counted the two figures above. */
  readonly countedBy: 'gateway' | 'load generator';
  /** From the candidate's first weight being in force until the decision; null: none yet, or it never had a weight. */
  readonly decidedInMs: number | null;
  readonly reason: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly startedBy: string | null;
  readonly candidate: ArmReport;
  readonly stable: ArmReport;
  readonly steps: readonly StepReport[];
  /** Only for a rollout that went back. */
  readonly ruleCosts: readonly RuleCostReport[];
  readonly entries: readonly EntryReport[];
  readonly series: readonly SeriesPoint[];
  readonly marks: readonly SeriesMark[];
}

/** As the gateway counted. */
export interface ArmReport {
  readonly requests: number;
  readonly failures: number;
}

export interface StepReport {
  readonly wantedSharePercent: number;
  readonly measuredSharePercent: number | null;
  readonly requests: number;
  readonly failures: number;
  readonly durationMs: number;
}

/** What another tool's published rule would have cost on the stream that was recorded; computed, not run. */
export interface RuleCostReport {
  readonly rule: string;
  /** Null: the rule would never have rolled back. */
  readonly decidedInMs: number | null;
  readonly failedRequests: number | null;
}

export interface EntryReport {
  readonly index: number;
  readonly atMs: number;
  readonly decision: string;
  readonly sentence: string;
}

/** How a rollout stood at one moment. Null: nothing was known of it then. */
export interface SeriesPoint {
  readonly atMs: number;
  readonly wantedPercent: number;
  /** Of the requests since the point before that had any. */
  readonly measuredPercent: number | null;
  readonly evidence: EvidencePoint | null;
}

export interface EvidencePoint {
  readonly against: number;
  readonly againstLimit: number;
  readonly for: number;
  readonly forLimit: number;
}

/** Something that went on beside the rollout for a while. */
export interface SeriesMark {
  readonly fromMs: number;
  readonly toMs: number;
  readonly label: string;
}

export interface LoadReport {
  readonly targetRps: number;
  readonly achievedRps: number;
  readonly requests: number;
  readonly errors: number;
  /** By status of the answer, or by why there was none. */
  readonly failuresByKind: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly valid: boolean;
  readonly invalidBecause: readonly string[];
}

export interface LedgerReport {
  readonly entries: number;
  readonly verified: boolean;
  readonly keyIds: readonly string[];
  readonly headLeafHash: string | null;
  /** What is wrong with it, or what the file proves. */
  readonly statement: string;
}
