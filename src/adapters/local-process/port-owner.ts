import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { groupMembers, type ProcessIdentity } from './process-group.ts';
import { readAllProcesses, readProcess, type ProcessStat } from './process-table.ts';

/**
 * The process that answers on our port in place of the instance, or null.
 *
 * The port was free a moment before the start, so this is a race lost to a process that was there already. A listener
 * that started after the instance is left alone: it may be the instance's doing (a container's port forwarder). When
 * /proc does not tell whose the socket is, nobody is accused.
 */
export function findPortThief(port: number, identity: ProcessIdentity): ProcessStat | null {
  const sockets = listeningSockets(port);
  if (sockets.size === 0) return null;
  // Nearly always: no table of all processes has to be read.
  if (isLeader(identity) && holdsOneOf(identity.pid, sockets)) return null;
  if (groupMembers(identity).some((stat) => holdsOneOf(stat.pid, sockets))) return null;
  const owner = readAllProcesses().find((stat) => holdsOneOf(stat.pid, sockets));
  return owner !== undefined && owner.startTicks < identity.startTicks ? owner : null;
}

function isLeader({ pid, startTicks }: ProcessIdentity): boolean {
  return readProcess(pid)?.startTicks === startTicks;
}

/** Socket links (`socket:[inode]`) listening on the port; columns as in proc_net_tcp: local address, state 0A, inode. */
function listeningSockets(port: number): ReadonlySet<string> {
  const portHex = port.toString(16).toUpperCase().padStart(4, '0');
  const sockets = new Set<string>();
  for (const line of [...readLines('/proc/net/tcp'), ...readLines('/proc/net/tcp6')]) {
    const columns = line.trim().split(/\s+/);
    if (columns[1]?.endsWith(`:${portHex}`) && columns[3] === '0A') {
      sockets.add(`socket:[${columns[9]}]`);
    }
  }
  return sockets;
}

function holdsOneOf(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((name) =>
      isOneOf(`/proc/${pid}/fd/${name}`, sockets),
    );
  } catch {
    // Gone, or not ours to look into: not known to hold it.
    return false;
  }
}

function isOneOf(link: string, sockets: ReadonlySet<string>): boolean {
  try {
    return sockets.has(readlinkSync(link));
  } catch {
    // Closed between listing and looking.
    return false;
  }
}

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch {
    // A kernel without IPv6 has no tcp6.
    return [];
  }
}
