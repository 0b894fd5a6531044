import { memo, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Row } from '../../parts/service-row.ts';
import { Age } from '../../parts/age.tsx';
import { isUnhealthy, PhaseMark } from '../../parts/phase.tsx';
import { VerdictMark } from '../../parts/verdict.tsx';
import { WeightBar } from '../../parts/weight-bar.tsx';

/** Cells of one rollout. Drawn again only when the row is another one. */
export const RolloutRow = memo(function RolloutRow({ item }: { readonly item: Row }): ReactNode {
  const { metadata, service, toVersion, startedAt, startedBy, status } = item;
  const { phase, stepNumber, stepCount, verdict, sentence } = status;
  return (
    <>
      <span role="cell" className="service">
        <span className="soft">{metadata.namespace}/</span>
        <Link href={`/rollouts/${metadata.name}`}>{service}</Link>{' '}
        <span className="soft">{toVersion ?? ''}</span>
      </span>
      <span role="cell" className="phase-cell">
        <PhaseMark phase={phase} />
      </span>
      <span role="cell" className="step">
        {stepNumber === null ? (
          <span className="soft">of {stepCount}</span>
        ) : (
          `${stepNumber} of ${stepCount}`
        )}
      </span>
      <span role="cell" className="weight-cell">
        {phase === 'Stable' || phase === 'RolledBack' ? (
          <span className="soft">{phase === 'Stable' ? 'at rest' : 'all with stable'}</span>
        ) : (
          <WeightBar
            wantedPercent={status.wantedSharePercent}
            measuredPercent={status.measuredSharePercent}
          />
        )}
      </span>
      <span role="cell" className="verdict">
        <VerdictMark verdict={verdict} />
      </span>
      <span role="cell" className="why" title={sentence}>
        <span className={isUnhealthy(phase) ? undefined : 'soft'}>{sentence}</span>
      </span>
      <span role="cell" className="age-cell">
        <Age at={startedAt} />
      </span>
      <span role="cell" className="by" title={startedBy}>
        {startedBy}
      </span>
    </>
  );
});
