import type { Rollout } from '../../../api/client/generated/schemas.ts';

const time = '2026-01-02T03:04:05.000Z';
const revision = { service: 'checkout', command: ['node'], instances: 2 };

/** checkout v1 -> v2 at its first step. */
export function rolloutView(change: Partial<Rollout> = {}): Rollout {
  return {
    id: 'checkout-2',
    kind: 'canary',
    from: { ...revision, id: 'checkout-aaaaaaaaaa', version: 'v1' },
    to: { ...revision, id: 'checkout-bbbbbbbbbb', version: 'v2' },
    phase: 'judging',
    stepNumber: 1,
    stepCount: 3,
    stepWeightsPercent: [10, 50, 100],
    wantedSharePercent: 10,
    measuredSharePercent: 9.96,
    isPaused: false,
    isWaitingForPerson: false,
    totals: {
      candidate: { requests: 120, failures: 1 },
      stable: { requests: 1085, failures: 0 },
    },
    steps: [],
    gate: {
      verdict: 'undecided',
      candidate: { requests: 120, failures: 1 },
      stable: { requests: 1085, failures: 0 },
      against: 1.84,
      againstLimit: 1000,
      for: 12.3,
      forLimit: 20,
      marginRatio: 0.005,
      metric: 'errors',
      p95: { candidateMs: 12, stableMs: 11 },
      difference: { lowRatio: -0.002, highRatio: 0.004, sentence: 'between -0.2 and +0.4 pp' },
      heldBy: null,
      metrics: [],
      beforeAfter: null,
      sentence: 'too little evidence yet',
    },
    alert: null,
    cause: null,
    startedAt: time,
    startedBy: { who: 'ada', why: null },
    endedAt: null,
    sentence: 'step 1 of 3 at 10 %',
    ...change,
  };
}
