import type { Revision } from '../domain/release/revision.ts';
import type { Endpoint } from '../domain/traffic/routing/route-table.ts';

/**
 * Where instances run.
 *
 * - Idempotent: repeating a call with the same arguments changes nothing, also from another process after a crash.
 * - Instances outlive the process that holds this object; a new object over the same place finds them again.
 * - `PlatformError.retryable` says whether the caller may try again; the platform itself restarts crashed instances with
 *   back-off and reports how often.
 */
export interface Platform {
  /**
   * Have exactly `count` instances of the revision running or starting. Resolves when they are started, not when they
   * are ready: readiness is seen by `observe`. Lowering the count stops the newest first, gracefully.
   */
  ensure(revision: Revision, count: number, signal: AbortSignal): Promise<void>;

  /**
   * Stop this one instance, as `stop` does, and have `count` instances running or starting without it. Resolves when it is gone and
   * the others are started. An instance that is not there, or is no instance of the revision, is gone already: then it is an
   * `ensure`. An instance that has gone this way never comes back, so doing it twice replaces nothing else.
   */
  replace(
    revision: Revision,
    wanted: { readonly instanceId: string; readonly count: number },
    signal: AbortSignal,
  ): Promise<void>;

  /** Stop all instances of the revision: SIGTERM, stopGrace, SIGKILL. Resolves when none is left. None there: at once. */
  stop(revision: Revision, signal: AbortSignal): Promise<void>;

  /** All instances known, of every revision, with what the last probe said. Cheap: called ten times a second. */
  observe(signal: AbortSignal): Promise<readonly Instance[]>;

  /** Lines of standard output and error, oldest first; readable after the instance is gone. */
  logs(query: LogQuery, signal: AbortSignal): AsyncIterable<LogLine>;
}

export interface Instance {
  /** Unique for good, stable over restarts of the process: `<revision id>-<n>`. */
  readonly id: string;
  readonly service: string;
  readonly revisionId: string;
  readonly state: InstanceState;
  readonly endpoint: Endpoint | null;
  readonly pid: number | null;
  readonly startedAtMs: number | null;
  /** Times the process ended or was killed by a failed liveness probe without having been asked to stop. */
  readonly restarts: number;
  /** Why the last process ended or is not ready, for people; null: nothing to say. */
  readonly reason: string | null;
  readonly cpuSeconds: number;
  readonly rssBytes: number;
  /** How the limits of its revision are held; absent: it has none, or no process runs. */
  readonly limits?: HeldLimits;
  /** Absent: it was never ended at its limit of memory. */
  readonly outOfMemory?: OutOfMemory;
  /** Of its certificate; absent: it has none. */
  readonly certificateEndsAtMs?: number;
  /** The router sends it nothing for a while, because it failed too often in a row; absent: no, or not known. */
  readonly isEjected?: boolean;
}

/** Who holds what an instance may have at most. */
export interface HeldLimits {
  /** `cgroup`: the kernel ends it; `watching`: the platform does, by the resident memory seen. Absent: it has no such limit. */
  readonly memory?: { readonly bytes: number; readonly enforcedBy: 'cgroup' | 'watching' };
  /** Absent: it has no such limit. */
  readonly cpu?: { readonly cores: number; readonly enforcedBy: 'cgroup' | 'nobody' };
  /** What the kernel was not given and why, for people; null: it was given all. */
  readonly trouble: string | null;
}

export interface OutOfMemory {
  /** Times its processes were ended at their limit. */
  readonly count: number;
  /** Of the last one. */
  readonly atMs: number;
  /** What they had together then, at least. */
  readonly memoryBytes: number;
}

/** `ready` is the only state that gets traffic; `backing-off` waits for its next start after a crash. */
export type InstanceState = 'starting' | 'ready' | 'unready' | 'backing-off' | 'stopping';

export interface LogQuery {
  readonly service: string;
  readonly revisionId: string | null;
  readonly instanceId: string | null;
  /** Last lines of each stream of each instance; Infinity for all kept. The streams' order to each other is not known. */
  readonly tailLines: number;
  readonly follow: boolean;
}

export interface LogLine {
  readonly instanceId: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** The platform could not do what was asked. */
export class PlatformError extends Error {
  override readonly name = 'PlatformError';
  readonly code: 'start-failed' | 'stop-failed' | 'no-port' | 'state-unreadable';
  readonly retryable: boolean;

  constructor(
    code: PlatformError['code'],
    message: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}
