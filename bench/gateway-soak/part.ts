import type { BenchOptions, BenchReport } from '../form.ts';
import type { SoakPlace } from './place.ts';

export interface SoakPlan {
  readonly isBuilt: boolean;
  /** Of each framing and direction: how many bodies of 10 MB, and at once. */
  readonly bodies: number;
  readonly bodiesAtOnce: number;
  readonly hugeBytes: number;
  readonly connections: number;
  readonly activeConnections: number;
  readonly activeSeconds: number;
  readonly webSockets: number;
  readonly webSocketSeconds: number;
  readonly grpcConnections: number;
  readonly grpcSeconds: number;
}

/** What one part of the soak has found. */
export interface Finding {
  readonly rows: readonly (readonly [what: string, count: string, faults: string])[];
  readonly result: BenchReport['result'];
  /** Octets, answers or messages that were lost, mixed or repeated, one sentence each; the first ones of many. */
  readonly faults: readonly string[];
}

export interface SoakPart {
  readonly name: string;
  /** Its callers speak HTTP/2 without TLS. */
  readonly isHttp2?: boolean;
  readonly run: (place: SoakPlace, plan: SoakPlan, options: BenchOptions) => Promise<Finding>;
}

const faultsKept = 10;

/** Counts what was well and what was not. */
export class Tally {
  well = 0;
  failed = 0;
  readonly faults: string[] = [];

  add(fault: string | null): void {
    if (fault === null) {
      this.well += 1;
      return;
    }
    this.failed += 1;
    if (this.faults.length < faultsKept) this.faults.push(fault);
  }
}
