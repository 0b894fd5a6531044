import { fixedThresholdCost, publishedRules } from '../../src/domain/gate/fixed-threshold-rules.ts';
import {
  type BenchOptions,
  type BenchReport,
  type BenchTable,
  cell,
  medianOf,
  quantileOf,
  rounded,
} from '../form.ts';
import { World } from '../world.ts';
import {
  dead,
  type Fault,
  fivePercent,
  releaseFailing,
  requestsPerSecond,
  type RollbackRun,
  sharePercent,
} from './failing-candidates.ts';
import { type HealthyResult, releaseHealthy } from './healthy-candidates.ts';
import { type KillResult, killServers } from './killed-server.ts';

export const about =
  'failed requests until a bad candidate is back at 0 %, healthy rollouts, kills of the server';

const quickKillsUntilMs = 37_000;

/** Real processes end to end: load generator, gateway, server, one service; one world for all runs. */
export async function run(options: BenchOptions): Promise<BenchReport> {
  const count = options.isQuick
    ? { dead: 3, fivePercent: 3, healthy: 2, kills: 6 }
    : { dead: 20, fivePercent: 20, healthy: 30, kills: 200 };
  // A quick run on a busy machine kills less often rather than taking longer.
  const untilMs = options.isQuick ? performance.now() + quickKillsUntilMs : Infinity;
  await using world = await World.open();
  options.say(`world in ${world.stateFolder}`);
  const faults = [
    ...Array.from({ length: count.dead }, () => dead),
    ...Array.from({ length: count.fivePercent }, () => fivePercent),
  ];
  const runs = await releaseFailing(world, faults, options);
  const healthy = await releaseHealthy(world, count.healthy, options);
  const killed = await killServers(world, { kills: count.kills, untilMs }, options);
  return report(
    {
      dead: measure(dead, runs.get(dead) ?? []),
      five: measure(fivePercent, runs.get(fivePercent) ?? []),
    },
    healthy,
    killed,
  );
}

interface Measured {
  readonly fault: Fault;
  readonly runs: number;
  readonly failedMedian: number | null;
  readonly failedP95: number | null;
  readonly decidedMsMedian: number | null;
  readonly inForceMsMedian: number | null;
  /** By rule, for the same candidate at the same share; not run. */
  readonly flaggerFailed: number;
  readonly flaggerMs: number;
  readonly timesFewer: number | null;
}

function measure(fault: Fault, runs: readonly RollbackRun[]): Measured {
  const failed = runs.map((each) => each.failedRequests);
  const failedMedian = medianOf(failed);
  const flagger = flaggerCost(fault);
  return {
    fault,
    runs: runs.length,
    failedMedian,
    failedP95: quantileOf(failed, 0.95),
    decidedMsMedian: medianOf(runs.map((each) => each.decidedMs)),
    inForceMsMedian: medianOf(runs.map((each) => each.inForceMs)),
    flaggerFailed: flagger.failedRequests,
    flaggerMs: flagger.decidedMs,
    timesFewer: failedMedian === null ? null : flagger.failedRequests / failedMedian,
  };
}

function flaggerCost(fault: Fault): {
  readonly failedRequests: number;
  readonly decidedMs: number;
} {
  const [quickest] = publishedRules;
  const stream = {
    failureRatio: fault.failureRatio,
    requestsPerSecond: (requestsPerSecond * sharePercent) / 100,
    failingSinceMs: 0,
  };
  const cost = quickest === undefined ? null : fixedThresholdCost(quickest, stream);
  if (cost === null) throw new Error(`the quickest published rule never rolls back ${fault.name}`);
  return cost;
}

function report(
  failing: { readonly dead: Measured; readonly five: Measured },
  healthy: HealthyResult,
  killed: KillResult,
): BenchReport {
  const { dead, five } = failing;
  return {
    tables: [failingTable([dead, five]), faultTable(healthy, killed)],
    notes: notesOf(killed),
    result: {
      deadFailedMedian: dead.failedMedian,
      deadFailedP95: dead.failedP95,
      fivePercentFailedMedian: five.failedMedian,
      fivePercentFailedP95: five.failedP95,
      decidedMsMedian: dead.decidedMsMedian,
      deadDecidedMsMedian: dead.decidedMsMedian,
      deadInForceMsMedian: dead.inForceMsMedian,
      fivePercentDecidedMsMedian: five.decidedMsMedian,
      fivePercentInForceMsMedian: five.inForceMsMedian,
      deadRuns: dead.runs,
      fivePercentRuns: five.runs,
      flaggerDeadFailedByRule: dead.flaggerFailed,
      flaggerFivePercentFailedByRule: five.flaggerFailed,
      timesFewerThanFlaggerDead: rounded(dead.timesFewer, 1),
      timesFewerThanFlaggerFivePercent: rounded(five.timesFewer, 1),
      healthyRollouts: healthy.rollouts,
      healthyRolledBack: healthy.rolledBack,
      serverKills: killed.kills,
      killsDuringRollouts: killed.killsDuringRollouts,
      failedBecauseOfKills: killed.failedRequests,
      requestsDuringKills: killed.requests,
      rolloutsDuringKills: killed.ledger.rollouts,
      unendedRollouts: killed.unendedRollouts,
      ledgerEntries: killed.ledger.entries,
      ledgerProblems: killed.ledger.problems.length,
      gatewayRestarts: killed.gatewayRestarts,
    },
  };
}

function failingTable(measured: readonly Measured[]): BenchTable {
  const rows = measured.flatMap((each) => [
    [
      each.fault.name,
      `Tidegate, measured, ${each.runs} runs`,
      cell(each.failedMedian, 1),
      cell(each.failedP95),
      cell(each.decidedMsMedian),
      cell(each.inForceMsMedian),
      '1',
    ],
    [
      each.fault.name,
      'Flagger, 10 s x 1, computed by its published rule',
      String(each.flaggerFailed),
      '-',
      String(each.flaggerMs),
      '-',
      cell(each.timesFewer, 1),
    ],
  ]);
  const heads = [
    'CANDIDATE',
    'BY',
    'FAILED, MEDIAN',
    'P95',
    'DECIDED MS, MEDIAN',
    'IN FORCE MS, MEDIAN',
    'TIMES AS MANY',
  ];
  return { heads, rows };
}

function faultTable(healthy: HealthyResult, killed: KillResult): BenchTable {
  const { ledger } = killed;
  return {
    heads: ['WHAT', 'TRIED', 'WENT WRONG'],
    rows: [
      [`healthy rollouts`, `${healthy.rollouts}`, `${healthy.rolledBack} rolled back`],
      [
        `kills of the server (${killed.killsDuringRollouts} during a rollout)`,
        `${killed.kills}`,
        `${killed.failedRequests} of ${killed.requests} requests failed`,
      ],
      ['rollouts in the ledger', `${ledger.rollouts}`, `${killed.unendedRollouts} without an end`],
      ['ledger entries', `${ledger.entries}`, `${ledger.problems.length} lost or contradicting`],
    ],
  };
}

function notesOf(killed: KillResult): readonly string[] {
  return [
    `${requestsPerSecond} requests/s through the gateway, candidate at ${sharePercent} %; one instance of each revision, one server for all runs.`,
    'Failed requests are counted by the load generator, from apply to 250 ms after the end. Times run from the first failed request.',
    'Healthy rollouts: two services at 400 requests/s each; stable and candidate both fail 0.5 % by chance; the gate allows 3 points.',
    'Kills: two services at 200 requests/s each, candidates that never fail; SIGKILL 0-1.5 s after the server was ready, away 0-0.3 s and the time of `tidegate up`.',
    ...killed.ledger.problems.slice(0, 20),
  ];
}
