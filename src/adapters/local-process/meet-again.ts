import type { ProbeSet } from '../../domain/health/instance-probes.ts';
import { pendingProbe, type ProbeState, seeProbe } from '../../domain/health/probe.ts';
import type { Clock } from '../../ports/clock.ts';
import { pause } from './pause.ts';
import type { Ask } from './probes/probe-watch.ts';
import type { LocalProcessSettings } from './settings.ts';

export interface Meeting {
  readonly set: ProbeSet;
  readonly wasReady: boolean;
  readonly ask: Ask;
  readonly clock: Clock;
  readonly settings: LocalProcessSettings;
}

/**
 * The first readiness probes of a process that an earlier server started. One that was ready stays so unless as many in a
 * row as a mere path is allowed say otherwise. Null: it has a startup probe before it, which is not waited for.
 */
export async function meetAgain(meeting: Meeting, signal: AbortSignal): Promise<ProbeState | null> {
  const { set, wasReady, ask, clock, settings } = meeting;
  if (set.startup !== null && !wasReady) return null;
  const { unreadyAfterFailures: failureThreshold, probeTimeoutMs } = settings;
  const timeoutMs = Math.min(set.readiness.timeoutMs, probeTimeoutMs);
  const spec = { ...set.readiness, failureThreshold, timeoutMs };
  let met: ProbeState = { ...pendingProbe, verdict: wasReady ? 'passed' : 'pending' };
  for (let round = 0; round < failureThreshold; round += 1) {
    if (round > 0) await pause(clock, settings.startingProbeIntervalMs, signal);
    met = seeProbe(met, await ask(spec, signal), spec);
    if (!wasReady || met.failuresInARow === 0) break;
  }
  return met;
}
