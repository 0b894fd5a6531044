import type { ProbeSet } from '../../domain/health/instance-probes.ts';
import type { ProbeSpec } from '../../domain/health/probe.ts';
import type { HealthSpec } from '../../domain/release/revision.ts';
import type { LocalProcessSettings } from './settings.ts';

/** The probes of a revision: those it declares, and for a mere path the settings of the platform. */
export function probeSetOf(health: HealthSpec, settings: LocalProcessSettings): ProbeSet {
  const { probes = {}, readyPath, livePath, startTimeoutMs } = health;
  const { readiness, liveness, startup = null } = probes;
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
            firstPeriodMs: settings.startingProbeIntervalMs,
          }
        : { ...readiness, firstPeriodMs: readiness.periodMs },
    liveness: liveness ?? live,
    startTimeoutMs,
  };
}
