import type { ProbeSet } from '../../../domain/health/instance-probes.ts';
import type { ProbeSpec } from '../../../domain/health/probe.ts';
import type { Revision } from '../../../domain/release/revision.ts';
import type { LocalProcessSettings } from '../settings.ts';

/** The probes of a revision: those it declares, and for a mere path the settings of the platform. */
export function probeSetOf(
  { health, concurrency }: Pick<Revision, 'health' | 'concurrency'>,
  settings: LocalProcessSettings,
): ProbeSet {
  const { probes = {}, readyPath, livePath, startTimeoutMs } = health;
  const { readiness, liveness, startup = null } = probes;
  // Requests wait for the first instance: what it takes beyond its own start is theirs.
  const isAwaited = concurrency?.wake !== undefined && readiness?.handler.kind !== 'exec';
  const first = (usualMs: number): number => {
    return isAwaited ? Math.min(usualMs, settings.awaitedProbeIntervalMs) : usualMs;
  };
  const ofPath = (path: string, failureThreshold: number): ProbeSpec => ({
    handler: { kind: 'http', path },
    initialDelayMs: 0,
    periodMs: settings.probeIntervalMs,
    timeoutMs: settings.probeTimeoutMs,
    successThreshold: 1,
    failureThreshold,
  });
  const live = livePath === null ? null : ofPath(livePath, settings.deadAfterFailures);
  return {
    startup,
    readiness:
      readiness === undefined
        ? {
            ...ofPath(readyPath, settings.unreadyAfterFailures),
            firstPeriodMs: first(settings.startingProbeIntervalMs),
          }
        : { ...readiness, firstPeriodMs: first(readiness.periodMs) },
    liveness: liveness ?? live,
    startTimeoutMs,
  };
}
