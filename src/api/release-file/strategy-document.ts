import type { ServiceInput } from './service-schema.ts';
import type { AmountInput, BlueGreenInput } from './strategy-schema.ts';

/** How a candidate takes stable's place, where that is not by a canary's steps. */
export type StrategyDocument = BlueGreenDocument | RollingDocument | RecreateDocument;

export interface BlueGreenDocument {
  readonly kind: 'blue-green';
  /** Instances while the standby is checked, in [1, those of the service]. */
  readonly standbyInstances: number;
  readonly warmUp: { readonly path: string; readonly requests: number } | null;
  readonly checks: readonly CheckDocument[];
  readonly load: LoadDocument | null;
  readonly withinMs: number;
}

export interface RollingDocument {
  readonly kind: 'rolling';
  readonly maxSurge: AmountInput;
  readonly maxUnavailable: AmountInput;
  readonly progressDeadlineMs: number;
}

export interface RecreateDocument {
  readonly kind: 'recreate';
  readonly progressDeadlineMs: number;
}

export interface CheckDocument {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Names are in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly status: number;
  readonly contains: string | null;
  readonly timeoutMs: number;
}

export interface LoadDocument {
  readonly path: string;
  readonly requestsPerSecond: number;
  readonly durationMs: number;
  readonly failureRatioMax: number;
  readonly p95LimitMs: number | null;
}

/** Null: canary. `instances` is how many the service has. */
export function toStrategy(
  rollout: Pick<Rollout, 'strategy' | 'blueGreen' | 'rolling' | 'recreate'>,
  instances: number,
): StrategyDocument | null {
  switch (rollout.strategy) {
    case 'canary':
      return null;
    case 'blueGreen':
      return toBlueGreen(rollout.blueGreen ?? defaults, instances);
    case 'rolling': {
      const {
        maxSurge = quarter,
        maxUnavailable = quarter,
        progressDeadline,
      } = rollout.rolling ?? {};
      const progressDeadlineMs = progressDeadline ?? progressDeadlineDefaultMs;
      return { kind: 'rolling', maxSurge, maxUnavailable, progressDeadlineMs };
    }
    case 'recreate': {
      const progressDeadlineMs = rollout.recreate?.progressDeadline ?? progressDeadlineDefaultMs;
      return { kind: 'recreate', progressDeadlineMs };
    }
  }
}

type Rollout = ServiceInput['spec']['rollout'];

/** As an empty `rolling` is read. */
const quarter = { kind: 'percent', percent: 25 } as const;
const progressDeadlineDefaultMs = 600_000;

function toBlueGreen(written: BlueGreenInput, instances: number): BlueGreenDocument {
  return {
    kind: 'blue-green',
    standbyInstances: Math.min(written.standby ?? instances, instances),
    warmUp: written.warmUp ?? null,
    checks: written.checks.map(toCheck),
    load: written.load === undefined ? null : toLoad(written.load),
    withinMs: written.within,
  };
}

/** As an empty `blueGreen` is read. */
const defaults: BlueGreenInput = { checks: [], within: 120_000 };

function toCheck(check: BlueGreenInput['checks'][number]): CheckDocument {
  const { name, method, path, headers, body = null, status, contains = null, timeout } = check;
  const lower = Object.entries(headers).map(([header, value]) => [header.toLowerCase(), value]);
  return {
    name,
    method,
    path,
    headers: Object.fromEntries(lower) as Record<string, string>,
    body,
    status,
    contains,
    timeoutMs: timeout,
  };
}

function toLoad(load: NonNullable<BlueGreenInput['load']>): LoadDocument {
  const { path, requestsPerSecond, failures, p95 = null } = load;
  return {
    path,
    requestsPerSecond,
    durationMs: load.for,
    failureRatioMax: failures,
    p95LimitMs: p95,
  };
}
