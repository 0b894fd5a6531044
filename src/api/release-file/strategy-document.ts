import type { ServiceInput } from './service-schema.ts';
import type { BlueGreenInput } from './strategy-schema.ts';

/** How a candidate takes stable's place, where that is not by a canary's steps. */
export interface StrategyDocument {
  readonly kind: 'blue-green';
  /** Instances while the standby is checked, in [1, those of the service]. */
  readonly standbyInstances: number;
  readonly warmUp: { readonly path: string; readonly requests: number } | null;
  readonly checks: readonly CheckDocument[];
  readonly load: LoadDocument | null;
  readonly withinMs: number;
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
  { strategy, blueGreen }: Pick<ServiceInput['spec']['rollout'], 'strategy' | 'blueGreen'>,
  instances: number,
): StrategyDocument | null {
  if (strategy === 'canary') return null;
  const written = blueGreen ?? defaults;
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
