/**
 * One probe of an instance, as Kubernetes has it (kubernetes.io/docs/concepts/workloads/pods/probes): results in a row
 * against two thresholds. `unknown` results are thrown away: a probe that could not be made says nothing of the instance.
 */

export type ProbeName = 'startup' | 'readiness' | 'liveness';

/** What is asked: the instance's port (http, tcp), or a program beside it (exec). */
export type ProbeHandler =
  /** GET of the path, or a call of gRPC's health check over h2c; 2xx is success. */
  | { readonly kind: 'http'; readonly path: string }
  /** A connection is success. */
  | { readonly kind: 'tcp' }
  /** Exit code 0 is success. Program and arguments, without a shell. */
  | { readonly kind: 'exec'; readonly command: readonly string[] };

export interface ProbeSpec {
  readonly handler: ProbeHandler;
  /** From the start of the process to the first probe, >= 0. */
  readonly initialDelayMs: number;
  /** Start to start; a probe that takes longer is followed at once by the next. >= 1 */
  readonly periodMs: number;
  /** A later answer is a failure, >= 1. */
  readonly timeoutMs: number;
  /** Successes in a row until it counts as passed, >= 1. */
  readonly successThreshold: number;
  /** Failures in a row until it counts as failed, >= 1. */
  readonly failureThreshold: number;
}

export type ProbeResult =
  | { readonly kind: 'ok' }
  /** `text` reads like "GET /readyz answered 503". */
  | { readonly kind: 'failed'; readonly text: string }
  /** Could not be made, for want of descriptors or memory here. */
  | { readonly kind: 'unknown'; readonly text: string };

export interface ProbeState {
  /** `pending` until a threshold was reached for the first time. */
  readonly verdict: 'pending' | 'passed' | 'failed';
  readonly successesInARow: number;
  readonly failuresInARow: number;
  /** What the last failure or unknown result said; null after a success. */
  readonly text: string | null;
}

export const pendingProbe: ProbeState = {
  verdict: 'pending',
  successesInARow: 0,
  failuresInARow: 0,
  text: null,
};

/** Worked example: thresholds 1 and 3, passed; failed, failed, ok leaves it passed; three failures in a row do not. */
export function seeProbe(state: ProbeState, result: ProbeResult, spec: ProbeSpec): ProbeState {
  switch (result.kind) {
    case 'ok': {
      const successesInARow = state.successesInARow + 1;
      const hasPassed = successesInARow >= spec.successThreshold;
      const verdict = hasPassed ? 'passed' : state.verdict;
      return { verdict, successesInARow, failuresInARow: 0, text: null };
    }
    case 'failed': {
      const failuresInARow = state.failuresInARow + 1;
      const hasFailed = failuresInARow >= spec.failureThreshold;
      const verdict = hasFailed ? 'failed' : state.verdict;
      return { verdict, successesInARow: 0, failuresInARow, text: result.text };
    }
    case 'unknown':
      return { ...state, text: result.text };
  }
}
