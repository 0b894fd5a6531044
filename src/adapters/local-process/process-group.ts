import { PlatformError } from '../../ports/platform.ts';
import {
  hasVariable,
  isRunning,
  readAllProcesses,
  readBootId,
  readChildren,
  readProcess,
  type ProcessStat,
} from './process-table.ts';
import { isForWantHere } from './want-here.ts';

/**
 * One started process and the group it leads.
 *
 * G1 A pid alone is never signalled: pid, start time and boot id must agree, or, once the leader is gone, the member must
 *    carry this start's own `TIDEGATE_LAUNCH`. Guard: process-group.test.ts.
 * G2 While any member of a group lives, the kernel does not give its number to a new process (Linux pid_namespaces and
 *    alloc_pid: a number is free when no task uses it as pid, group or session). So a stranger holding our leader's pid
 *    proves that the group is gone.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
  readonly launchId: string;
}

/** Set for every start, unique for good; also how a process is found whose pid could not be written down any more. */
export const LAUNCH_VARIABLE = 'TIDEGATE_LAUNCH';

/** Enough for any sane service; a fork bomb is not followed further. */
const MEASURED_PROCESSES_MAX = 64;

/** One that can't be looked at now, for want of descriptors, is taken to run: it is looked at again. */
export function isLeaderRunning(identity: ProcessIdentity): boolean {
  try {
    const stat = readProcess(identity.pid);
    return stat !== null && isRunning(stat) && isSame(stat, identity);
  } catch (cause) {
    if (isForWantHere(cause)) return true;
    throw cause;
  }
}

/** Running members; zombies are none. */
export function groupMembers(identity: ProcessIdentity): readonly ProcessStat[] {
  if (!groupExists(identity.pid) || identity.bootId !== readBootId()) return [];
  const leader = readProcess(identity.pid);
  if (leader !== null && !isSame(leader, identity)) return [];
  return readAllProcesses().filter(
    (stat) =>
      stat.groupId === identity.pid &&
      isRunning(stat) &&
      (leader !== null || hasVariable(stat.pid, LAUNCH_VARIABLE, identity.launchId)),
  );
}

/** Signals every member, if there is one that is surely ours. */
export function signalGroup(identity: ProcessIdentity, signal: 'SIGTERM' | 'SIGKILL'): void {
  if (groupMembers(identity).length === 0) return;
  try {
    process.kill(-identity.pid, signal);
  } catch (cause) {
    if (codeOf(cause) === 'ESRCH') return;
    throw new PlatformError(
      'stop-failed',
      `cannot send ${signal} to process group ${identity.pid}: ${String(cause)}; ` +
        'the process changed its user? stop it by hand',
      { retryable: true, cause },
    );
  }
}

/** CPU and memory of the leader and its descendants. */
export function measureGroup(identity: ProcessIdentity): {
  readonly cpuSeconds: number;
  readonly rssBytes: number;
} {
  const total = { cpuSeconds: 0, rssBytes: 0 };
  const pids = [identity.pid];
  for (let index = 0; index < Math.min(pids.length, MEASURED_PROCESSES_MAX); index += 1) {
    const stat = readProcess(pids[index] ?? 0);
    if (stat === null || (index === 0 && !isSame(stat, identity))) continue;
    total.cpuSeconds += stat.cpuSeconds;
    total.rssBytes += stat.rssBytes;
    pids.push(...readChildren(stat.pid));
  }
  return total;
}

/** The leader of the group started with this launch id, whatever its pid. */
export function findLaunch(launchId: string): ProcessStat | null {
  const found = readAllProcesses().find(
    (stat) =>
      stat.groupId === stat.pid &&
      isRunning(stat) &&
      hasVariable(stat.pid, LAUNCH_VARIABLE, launchId),
  );
  return found ?? null;
}

function isSame(stat: ProcessStat, identity: ProcessIdentity): boolean {
  return stat.startTicks === identity.startTicks && identity.bootId === readBootId();
}

/** Cheap and often enough: a full look at /proc is needed only while something has this group number. */
function groupExists(groupId: number): boolean {
  try {
    process.kill(-groupId, 0);
    return true;
  } catch (cause) {
    return codeOf(cause) !== 'ESRCH';
  }
}

function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}
