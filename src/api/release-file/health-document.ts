import { probeDefaults, type ProbeInput, startTimeMs } from './health-schema.ts';
import type { ServiceInput } from './service-schema.ts';

export interface HealthDocument {
  readonly readyPath: string;
  readonly livePath: string | null;
  readonly stopGraceMs: number;
  readonly startTimeoutMs: number;
  /** Those that are more than a path; absent: all are paths. */
  readonly probes?: {
    readonly startup?: ProbeDocument;
    readonly readiness?: ProbeDocument;
    readonly liveness?: ProbeDocument;
  };
}

export interface ProbeDocument {
  readonly handler:
    | { readonly kind: 'http'; readonly path: string }
    | { readonly kind: 'tcp' }
    | { readonly kind: 'exec'; readonly command: readonly string[] };
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly timeoutMs: number;
  readonly successThreshold: number;
  readonly failureThreshold: number;
}

const startTimeoutMs = 30_000;
/** From having started to being ready, where the file does not say. */
const readySlackMs = 10_000;

export function toHealth(health: ServiceInput['spec']['health']): HealthDocument {
  const { startup, ready, live, stopGrace, startTimeout } = health;
  const startMs =
    startup === undefined ? 0 : Math.min(3_600_000, startTimeMs(startup) + readySlackMs);
  const probes = {
    ...(startup === undefined ? {} : { startup: toProbe(startup, 'startup') }),
    ...(isPath(ready) ? {} : { readiness: toProbe(ready, 'ready') }),
    ...(live === undefined || isPath(live) ? {} : { liveness: toProbe(live, 'live') }),
  };
  return {
    readyPath: ready.http ?? '/readyz',
    livePath: live?.http ?? null,
    stopGraceMs: stopGrace,
    startTimeoutMs: startTimeout ?? Math.max(startTimeoutMs, startMs),
    ...(Object.keys(probes).length === 0 ? {} : { probes }),
  };
}

/** Written as a path, or as a mapping that says no more: one content, one revision. */
function isPath(probe: ProbeInput): boolean {
  return Object.entries(probe).every(([key, value]) => key === 'http' || value === undefined);
}

function toProbe(probe: ProbeInput, kind: keyof typeof probeDefaults): ProbeDocument {
  const { periodMs, timeoutMs, failureThreshold } = probeDefaults[kind];
  return {
    handler: toHandler(probe),
    initialDelayMs: probe.initialDelay ?? 0,
    periodMs: probe.period ?? periodMs,
    timeoutMs: probe.timeout ?? timeoutMs,
    successThreshold: probe.successThreshold ?? 1,
    failureThreshold: probe.failureThreshold ?? failureThreshold,
  };
}

/** The schema has seen to it that there is exactly one. */
function toHandler({ http, exec }: ProbeInput): ProbeDocument['handler'] {
  if (http !== undefined) return { kind: 'http', path: http };
  return exec === undefined ? { kind: 'tcp' } : { kind: 'exec', command: exec };
}
