import type { BenchOptions, BenchReport } from '../form.ts';
import { type Peer, peerReload } from './peer-reloads.ts';
import type { Failures } from './steady-load.ts';
import { tidegateChanges } from './tidegate-changes.ts';

/** Half over kept connections, half over a connection each. */
const perSecond = 1_000;

/** Restart, rolling update, switch and rollback of three instances under steady load, beside a reload of HAProxy and of nginx. */
export async function changes({ isQuick, say, signal }: BenchOptions): Promise<BenchReport> {
  const { rounds, requests } = await tidegateChanges({ rounds: isQuick ? 1 : 3, perSecond }, say);
  signal.throwIfAborted();
  const haproxy = await reloads('haproxy', isQuick, say);
  signal.throwIfAborted();
  const nginx = await reloads('nginx', isQuick, say);
  const of = (name: 'restart' | 'rolling' | 'switch' | 'rollback'): readonly Failures[] =>
    rounds.map((round) => round[name]);
  const rows: readonly (readonly [string, readonly Failures[] | null])[] = [
    ['tidegate, restart', of('restart')],
    ['tidegate, rolling update', of('rolling')],
    ['tidegate, blue-green switch', of('switch')],
    ['tidegate, undo in the bake', of('rollback')],
    ['haproxy, reload', haproxy],
    ['nginx, reload', nginx],
  ];
  return {
    tables: [{ heads, rows: rows.map(([name, all]) => rowOf(name, all)) }],
    notes: [
      `Three instances of a small page behind each; ${perSecond} requests/s, half over 32 kept connections, half over a connection each. The load, the instances and what is measured share this machine.`,
      'Counted: requests without a whole 200, from the order until a second after the change. Reloads: three new instances, a new configuration, a reload, the old instances stopped 2 s later.',
    ],
    result: {
      requests,
      failedDuringRestart: sumOf(of('restart')),
      failedDuringRolling: sumOf(of('rolling')),
      failedDuringSwitch: sumOf(of('switch')),
      failedDuringRollback: sumOf(of('rollback')),
      haproxyReloadFailed: haproxy === null ? null : sumOf(haproxy),
      nginxReloadFailed: nginx === null ? null : sumOf(nginx),
      rollbackMs: Math.max(...rounds.map(({ rollbackMs }) => rollbackMs)),
    },
  };
}

async function reloads(
  peer: Peer,
  isQuick: boolean,
  say: (line: string) => void,
): Promise<readonly Failures[] | null> {
  const all: Failures[] = [];
  for (let round = 0; round < (isQuick ? 1 : 3); round += 1) {
    const failures = await peerReload(peer, perSecond);
    if (failures === null) {
      say(`${peer} is not installed`);
      return null;
    }
    say(`${peer}, reload ${round + 1}: ${JSON.stringify(failures)}`);
    all.push(failures);
  }
  return all;
}

const heads = ['CHANGE', 'ROUNDS', 'FAILED, KEPT CONNECTIONS', 'FAILED, NEW CONNECTIONS'];

function rowOf(name: string, all: readonly Failures[] | null): readonly string[] {
  if (all === null) return [name, '-', '-', '-'];
  const [kept, fresh] = [all.map((each) => each.keepAlive), all.map((each) => each.newConnections)];
  return [name, `${all.length}`, kept.join(' '), fresh.join(' ')];
}

function sumOf(all: readonly Failures[]): number {
  return all.reduce((sum, each) => sum + each.keepAlive + each.newConnections, 0);
}
