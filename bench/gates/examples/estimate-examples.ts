import type { Plan } from '../../../src/domain/release/revision.ts';
import {
  type DetectionEstimate,
  estimateRollout,
  type StepEstimate,
} from '../../../src/domain/gate/estimate.ts';
import { durationText } from '../../../src/domain/gate/wording.ts';
import type { WrittenBlock } from './written-block.ts';

/** What `tidegate estimate` says of the situations in the guide's table of settings. */
export function estimateExamples(): readonly WrittenBlock[] {
  const rows = situations.map((situation) => `| ${rowOf(situation).join(' | ')} |`);
  const heads = [
    'traffic',
    'steps, margin, soak',
    'healthy: at 100 % after',
    'dead: failed requests',
    '5x: failed requests',
  ];
  const table = [`| ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length)}`, ...rows];
  return [{ name: 'estimates', text: table.join('\n') }];
}

interface Situation {
  readonly name: string;
  readonly requestsPerSecond: number;
  readonly stepsPercent: readonly number[];
  readonly worseByRatio: number;
  readonly soakMs: number;
}

const situations: readonly Situation[] = [
  {
    name: '800 requests/s',
    requestsPerSecond: 800,
    stepsPercent: [1, 5, 25, 50],
    worseByRatio: 0.0025,
    soakMs: 30_000,
  },
  {
    name: '20 requests/s',
    requestsPerSecond: 20,
    stepsPercent: [5, 25, 50],
    worseByRatio: 0.01,
    soakMs: 30_000,
  },
  {
    name: '1 request/s',
    requestsPerSecond: 1,
    stepsPercent: [25, 50],
    worseByRatio: 0.05,
    soakMs: 60_000,
  },
];

const baseErrorRatio = 0.001;

function rowOf(situation: Situation): readonly string[] {
  const { name, requestsPerSecond, stepsPercent, worseByRatio, soakMs } = situation;
  const { steps, totalMs } = estimateRollout({
    requestsPerSecond,
    baseErrorRatio,
    plan: planOf(situation),
  });
  const setting = `${stepsPercent.join('-')} %, ${Number((100 * worseByRatio).toPrecision(3))}pp, ${durationText(soakMs)}`;
  const total = totalMs === null ? 'never' : durationText(totalMs);
  return [name, setting, total, costAt(steps[0], 'fails 100 %'), costAt(steps[0], '5x')];
}

function costAt(step: StepEstimate | undefined, bad: string): string {
  const found: DetectionEstimate | undefined = step?.detections.find(({ name }) => name === bad);
  if (found === undefined || found.failedRequests === null || found.detectedMs === null)
    return 'not told';
  return `${found.failedRequests} in ${durationText(found.detectedMs)}`;
}

function planOf({ stepsPercent, worseByRatio, soakMs }: Situation): Plan {
  return {
    steps: stepsPercent.map((weightPercent) => ({
      weightPercent,
      match: null,
      atLeastMs: 0,
      gated: true,
      wait: { kind: 'none' },
    })),
    gate: {
      falseRollbackRatio: 0.001,
      falsePromotionRatio: 0.01,
      worseByRatio,
      soakMs,
      atMostMs: 24 * 3_600_000,
    },
    bakeMs: 300_000,
    objectives: [],
  };
}
