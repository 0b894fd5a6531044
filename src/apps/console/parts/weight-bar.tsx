import { type ReactNode } from 'react';
import { percentText } from './number-text.ts';

/** Beyond this they are called different: a point, or a fifth of what is wanted. */
export function isApart(wantedPercent: number, measuredPercent: number): boolean {
  const apart = Math.abs(wantedPercent - measuredPercent);
  return apart > 1 && apart > wantedPercent / 5;
}

/** The candidate's share: a mark where it is wanted, filled as far as the gateway measured it. */
export function WeightBar(props: {
  readonly wantedPercent: number;
  readonly measuredPercent: number | null;
  /** Weights of the plan's steps, as notches. */
  readonly stepsPercent?: readonly number[];
}): ReactNode {
  const { wantedPercent, measuredPercent, stepsPercent = [] } = props;
  const differs = measuredPercent !== null && isApart(wantedPercent, measuredPercent);
  return (
    <span className="weight" data-differs={differs}>
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
        <path className="track" d="M0 5h100" />
        <rect className="measured" x="0" y="2" width={measuredPercent ?? 0} height="6" />
        {stepsPercent.map((percent) => (
          <path key={percent} className="step" d={`M${inside(percent)} 7v3`} />
        ))}
        <path className="wanted" d={`M${inside(wantedPercent)} 0v10`} />
      </svg>
      <span className="figures">
        <span>{percentText(wantedPercent)}</span>{' '}
        <span className="soft">
          {measuredPercent === null
            ? 'not measured'
            : `${differs ? '≠' : 'is'} ${percentText(measuredPercent)}`}
        </span>
      </span>
    </span>
  );
}

/** A line at the very end would be cut in half. */
function inside(percent: number): number {
  return Math.min(99.5, Math.max(0.5, percent));
}
