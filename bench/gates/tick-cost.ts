import { judge, observe, openGate } from '../../src/domain/gate/gate.ts';
import type { GateObservation } from '../../src/domain/gate/verdict.ts';
import type { GateSettings } from '../../src/domain/release/revision.ts';
import { rounded } from '../form.ts';
import { burstNullScenarios } from './burst-scenarios.ts';
import { nullScenarios } from './null-scenarios.ts';
import { studySettings } from './study-settings.ts';
import { observationOf } from './observation.ts';
import type { TableReport } from './study-run.ts';
import { openStream, type Scenario } from './stream.ts';

/**
 * G12: microseconds of processor time that a tick of 800 requests/s costs the gate, and bytes of its state as JSON. The least of
 * some rounds, because what others on the machine do only ever adds.
 */
export function costTable(): TableReport {
  const rows = cases.map((each) => ({ each, cost: costOf(each) }));
  const joint = rows[1]?.cost.microseconds ?? null;
  return {
    tables: [
      {
        heads: ['A TICK OF 800/s', 'observe, us', 'with judge, us', 'state, bytes of JSON'],
        rows: rows.map(({ each, cost }) => [
          each.name,
          cost.microseconds.toFixed(2),
          cost.withJudge.toFixed(2),
          String(cost.stateBytes),
        ]),
      },
    ],
    notes: ['microsecondsPerTick is the cost of errors and latency jointly, for each of the two.'],
    figures: { microsecondsPerTick: joint === null ? null : rounded(joint / 2, 2) },
  };
}

interface CostCase {
  readonly name: string;
  readonly ticks: readonly GateObservation[];
  readonly settings: GateSettings;
}

const [steady] = nullScenarios;
const [bursts] = burstNullScenarios;
const cases: readonly CostCase[] = [
  { name: 'errors', ticks: ticksOf(steady).map(withoutLatency), settings: studySettings },
  { name: 'errors and latency', ticks: ticksOf(steady), settings: studySettings },
  {
    name: 'errors by 40 instances, incidents of 5 s',
    ticks: ticksOf(bursts),
    settings: { ...studySettings, incidentMs: 5000 },
  },
];

interface Cost {
  readonly microseconds: number;
  readonly withJudge: number;
  readonly stateBytes: number;
}

function costOf({ ticks, settings }: CostCase): Cost {
  let [microseconds, withJudge, stateBytes] = [Infinity, Infinity, 0];
  for (let round = 0; round < rounds; round += 1) {
    for (const isJudged of [false, true]) {
      let state = openGate(settings, [], 0, 600_000);
      const before = process.cpuUsage();
      for (const tick of ticks) {
        state = observe(state, tick);
        if (isJudged) judge(state, { ...question, atMs: tick.atMs });
      }
      const { user, system } = process.cpuUsage(before);
      const perTick = (user + system) / ticks.length;
      if (isJudged) withJudge = Math.min(withJudge, perTick);
      else microseconds = Math.min(microseconds, perTick);
      stateBytes = JSON.stringify(state).length;
    }
  }
  return { microseconds, withJudge, stateBytes };
}

const rounds = 15;
const question = { stepSinceMs: 0, weightPercent: 5, isLastGate: false };

/** Five minutes, of which the first ten seconds are different: a product's sample is in the processor's cache when it is judged. */
function ticksOf(scenario: Scenario | undefined): readonly GateObservation[] {
  if (scenario === undefined) return [];
  const next = openStream(scenario, 1, 100);
  const first = Array.from({ length: 100 }, (_, index) => observationOf(next(index + 1)));
  return Array.from({ length: 3000 }, (_, index) => {
    const { atMs: _atMs, ...rest } = first[index % first.length] ?? noObservation;
    return { ...rest, atMs: 100 * (index + 1) };
  });
}

const noCount = { requests: 0, failures: 0 };
const noObservation: GateObservation = { atMs: 0, candidate: noCount, stable: noCount };

function withoutLatency({ atMs, candidate, stable }: GateObservation): GateObservation {
  return { atMs, candidate, stable };
}
