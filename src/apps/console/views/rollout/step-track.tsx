import { type ReactNode } from 'react';
import type { RolloutView } from '../../../../api/wire.ts';
import { countText, percentText } from '../../parts/number-text.ts';
import { isApart } from '../../parts/weight-bar.tsx';

type State = 'done' | 'here' | 'ahead' | 'left';

const signs: Readonly<Record<State, string>> = { done: '✓', here: '▶', ahead: '·', left: '✕' };

/** The plan's steps in order: which are done, where it is, and what really flowed. */
export function StepTrack({ rollout }: { readonly rollout: RolloutView }): ReactNode {
  return (
    <ol className="steps">
      {rollout.stepWeightsPercent.map((weightPercent, index) => (
        <Step key={weightPercent} rollout={rollout} index={index} weightPercent={weightPercent} />
      ))}
    </ol>
  );
}

function Step(props: {
  readonly rollout: RolloutView;
  readonly index: number;
  readonly weightPercent: number;
}): ReactNode {
  const { rollout, index, weightPercent } = props;
  const state = stateOf(rollout, index);
  const result = rollout.steps.findLast((step) => step.weightPercent === weightPercent);
  const isHere = state === 'here';
  const isNewest = isHere || state === 'left';
  const measured = isNewest ? rollout.measuredSharePercent : (result?.measuredSharePercent ?? null);
  const wanted = isHere ? rollout.wantedSharePercent : weightPercent;
  const differs = measured !== null && isApart(wanted, measured);
  return (
    <li data-state={state} aria-current={isHere ? 'step' : undefined}>
      <span className="weight-figure">{percentText(weightPercent)}</span>
      <span className="state">
        <span aria-hidden="true">{signs[state]} </span>
        {wordsOf(rollout, state)}
      </span>
      {isHere && wanted !== weightPercent && (
        <span className="soft">wanted {percentText(wanted)}</span>
      )}
      {measured !== null && state !== 'ahead' && (
        <span className="soft" data-tone={differs ? 'warn' : undefined}>
          measured {differs && '≠ '}
          {percentText(measured)}
        </span>
      )}
      {result !== undefined && (
        <span className="soft">
          {countText(result.totals.candidate.failures)} of{' '}
          {countText(result.totals.candidate.requests)} failed
        </span>
      )}
    </li>
  );
}

function stateOf({ phase, stepNumber, steps }: RolloutView, index: number): State {
  if (phase === 'promoted') return 'done';
  if (stepNumber === index + 1) return phase === 'baking' ? 'done' : 'here';
  if (stepNumber !== null) return index + 1 < stepNumber ? 'done' : 'ahead';
  if (index < steps.length) return 'done';
  // Results are of the steps that were passed; it went back at the next one.
  const wentBack = phase === 'rolled-back' || phase === 'reverting';
  return wentBack && index === steps.length ? 'left' : 'ahead';
}

function wordsOf({ phase, isPaused }: RolloutView, state: State): string {
  switch (state) {
    case 'done':
      return 'passed';
    case 'left':
      return 'went back';
    case 'ahead':
      return 'to come';
    case 'here':
      return isPaused ? 'paused' : phase;
  }
}
