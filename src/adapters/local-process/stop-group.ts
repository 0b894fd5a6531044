import type { Clock } from '../../ports/clock.ts';
import { PlatformError } from '../../ports/platform.ts';
import { pause } from './pause.ts';
import { groupMembers, signalGroup, type ProcessIdentity } from './process-group.ts';
import type { LocalProcessSettings } from './settings.ts';

export interface GroupStop {
  readonly identity: ProcessIdentity;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly settings: LocalProcessSettings;
}

/** SIGTERM to the whole group, the grace, SIGKILL to what is left of it. True when none is left; false: aborted before. */
export async function stopGroup(stop: GroupStop, signal: AbortSignal): Promise<boolean> {
  signalGroup(stop.identity, 'SIGTERM');
  if (await isGoneWithin(stop, stop.graceMs, signal)) return true;
  if (signal.aborted) return false;
  return killGroup(stop, signal);
}

/** SIGKILL at once. Fails when the kernel does not remove the group in time (a process stuck in a device). */
export async function killGroup(stop: GroupStop, signal: AbortSignal): Promise<boolean> {
  signalGroup(stop.identity, 'SIGKILL');
  if (await isGoneWithin(stop, stop.settings.killWaitMs, signal)) return true;
  if (signal.aborted) return false;
  const pids = groupMembers(stop.identity).map((member) => member.pid);
  throw new PlatformError(
    'stop-failed',
    `cannot stop process group ${stop.identity.pid}: ${pids.join(', ')} still there ` +
      `${stop.settings.killWaitMs / 1_000} s after SIGKILL; it waits for a device or a network disk`,
    { retryable: true },
  );
}

async function isGoneWithin(
  stop: GroupStop,
  durationMs: number,
  signal: AbortSignal,
): Promise<boolean> {
  const untilMs = stop.clock.nowMs() + durationMs;
  while (groupMembers(stop.identity).length > 0) {
    const restMs = untilMs - stop.clock.nowMs();
    if (restMs <= 0 || signal.aborted) return false;
    await pause(stop.clock, Math.min(restMs, stop.settings.goneCheckIntervalMs), signal);
  }
  return true;
}
