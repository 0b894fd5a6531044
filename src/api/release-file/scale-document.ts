import type { SeriesText } from './series-selector.ts';
import type { ResourcesInput, ScaleInput } from './scale-schema.ts';

/** How many instances a service has. */
export interface ScaleDocument {
  readonly min: number;
  /** Null: always `min`. */
  readonly max: number | null;
  /** Absent: it does not follow the load. */
  readonly load?: LoadDocument;
  /** In place of `load`: requests that an instance may have under way. */
  readonly concurrency?: number;
  /** With `concurrency`: over how long their mean is looked at; absent: the usual time. */
  readonly windowMs?: number;
  /** With a `min` of 0. */
  readonly toZero?: ToZeroDocument;
}

/** How it goes to zero and comes back; absent: as usual. */
export interface ToZeroDocument {
  readonly retentionMs?: number;
  readonly wakeTimeoutMs?: number;
  readonly waitingRequestsMax?: number;
}

/** How the number follows the load; the words of autoscaling/v2. */
export interface LoadDocument {
  /** CPU and memory as a ratio of what is requested. */
  readonly targets: readonly TargetDocument[];
  readonly behavior: { readonly scaleUp: RulesDocument; readonly scaleDown: RulesDocument };
}

export interface TargetDocument {
  /** `cpu`, `memory`, `requestsPerSecond`, or the name of a metric of the service's own. */
  readonly metric: string;
  readonly perInstance: number;
  /** Of a metric of the service's own. */
  readonly gauge?: { readonly path: string; readonly series: SeriesText };
}

export interface RulesDocument {
  readonly stabilizationWindowMs: number;
  readonly selectPolicy: 'max' | 'min' | 'disabled';
  readonly policies: readonly {
    readonly kind: 'instances' | 'percent';
    readonly value: number;
    readonly periodMs: number;
  }[];
}

/** What an instance asks for, and what it may have at most. */
export interface ResourcesDocument {
  readonly requests: AmountsDocument;
  /** Absent: it may have all there is. */
  readonly limits?: AmountsDocument;
}

export interface AmountsDocument {
  /** Absent: not said. */
  readonly cpuCores?: number;
  readonly memoryBytes?: number;
}

/** The load is followed where a metric or a behaviour is written, or where there is room between min and max. */
export function toScale(
  { min, max, on, behavior, window, toZero }: ScaleInput,
  { resources, path }: { readonly resources: ResourcesInput | undefined; readonly path: string },
): ScaleDocument {
  const isFollowed = on !== undefined || behavior !== undefined || (max ?? 0) > (min ?? 1);
  if (!isFollowed) return { min: min ?? 1, max: max ?? null };
  const most = max ?? Math.max(usualMax, min ?? 0);
  const least = min ?? Math.min(usualMin, most);
  if (on?.concurrency !== undefined) {
    return {
      min: least,
      max: most,
      concurrency: on.concurrency,
      ...(window === undefined ? {} : { windowMs: window }),
      ...(least === 0 ? { toZero: toZeroOf(toZero) } : {}),
    };
  }
  const hasMemory = resources?.requests.memory !== undefined;
  return {
    min: least,
    max: most,
    load: {
      targets: on === undefined ? usualTargets(hasMemory) : [...targetsOf(on), ...ownOf(on, path)],
      behavior: {
        scaleUp: rulesOf(behavior?.scaleUp, usualUp),
        scaleDown: rulesOf(behavior?.scaleDown, usualDown),
      },
    },
  };
}

function toZeroOf(written: ScaleInput['toZero']): ToZeroDocument {
  const { retentionPeriod, wakeTimeout, waitingRequests } = written ?? {};
  return {
    ...(retentionPeriod === undefined ? {} : { retentionMs: retentionPeriod }),
    ...(wakeTimeout === undefined ? {} : { wakeTimeoutMs: wakeTimeout }),
    ...(waitingRequests === undefined ? {} : { waitingRequestsMax: waitingRequests }),
  };
}

export function toResources({ requests, limits }: ResourcesInput): ResourcesDocument {
  const most = limits === undefined ? {} : toAmounts(limits);
  const isLimited = Object.keys(most).length > 0;
  return { requests: toAmounts(requests), ...(isLimited ? { limits: most } : {}) };
}

function toAmounts({ cpu, memory }: ResourcesInput['requests']): AmountsDocument {
  return {
    ...(cpu === undefined ? {} : { cpuCores: cpu }),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
  };
}

const usualMin = 3;
const usualMax = 10;

/** Memory counts where it is known what is 100 %. */
function usualTargets(hasMemory: boolean): readonly TargetDocument[] {
  return targetsOf({
    cpu: 0.7,
    memory: hasMemory ? 0.75 : undefined,
    requestsPerSecond: 1000,
  });
}

type Written = NonNullable<ScaleInput['on']>;

function targetsOf(
  on: Pick<Written, 'cpu' | 'memory' | 'requestsPerSecond'>,
): readonly TargetDocument[] {
  return (['cpu', 'memory', 'requestsPerSecond'] as const).flatMap((metric) => {
    const perInstance = on[metric];
    return perInstance === undefined ? [] : [{ metric, perInstance }];
  });
}

function ownOf({ metrics = [] }: Written, path: string): readonly TargetDocument[] {
  return metrics.map(({ name: metric, gauge: series, average: perInstance }) => {
    return { metric, perInstance, gauge: { path, series } };
  });
}

/** Up at once, doubled or by four each 15 s; down after five calm minutes: the defaults of autoscaling/v2. */
const usualUp: RulesDocument = {
  stabilizationWindowMs: 0,
  selectPolicy: 'max',
  policies: [
    { kind: 'percent', value: 100, periodMs: 15_000 },
    { kind: 'instances', value: 4, periodMs: 15_000 },
  ],
};

const usualDown: RulesDocument = {
  stabilizationWindowMs: 300_000,
  selectPolicy: 'max',
  policies: [{ kind: 'percent', value: 100, periodMs: 15_000 }],
};

type RulesInput = NonNullable<NonNullable<ScaleInput['behavior']>['scaleUp']>;

function rulesOf(written: RulesInput | undefined, usual: RulesDocument): RulesDocument {
  const { stabilizationWindow, selectPolicy, policies } = written ?? {};
  return {
    stabilizationWindowMs: stabilizationWindow ?? usual.stabilizationWindowMs,
    selectPolicy: selectPolicy ?? usual.selectPolicy,
    policies:
      policies?.map(({ type: kind, value, period: periodMs }) => ({ kind, value, periodMs })) ??
      usual.policies,
  };
}
