import { type ReactNode } from 'react';
import type { RevisionView, RolloutView } from '../../../../api/wire.ts';
import { ActionBar } from '../../parts/actions/action-bar.tsx';
import { subjectOf } from '../../parts/actions/action-state.ts';
import { Age } from '../../parts/age.tsx';
import { type Phase, PhaseMark } from '../../parts/phase.tsx';
import { WeightBar } from '../../parts/weight-bar.tsx';

/** Where it stands, why, and what can be done about it. */
export function RolloutHead({
  rollout,
  phase,
}: {
  readonly rollout: RolloutView;
  /** Of its service; null: it is not the service's newest rollout. */
  readonly phase: Phase | null;
}): ReactNode {
  const { id, from, to, startedAt, startedBy, alert, cause } = rollout;
  return (
    <section aria-label="State" className="state">
      <p className="facts-line">
        {phase === null ? (
          <span className="soft">{rollout.phase}</span>
        ) : (
          <PhaseMark phase={phase} />
        )}
        <span>
          {from === null ? 'nothing before' : <Revision of={from} />}{' '}
          <span aria-hidden="true">→</span>
          <span className="hidden"> to </span> <Revision of={to} />
        </span>
        {rollout.endedAt === null && (
          <WeightBar
            wantedPercent={rollout.wantedSharePercent}
            measuredPercent={rollout.measuredSharePercent}
            stepsPercent={rollout.stepWeightsPercent}
          />
        )}
        <span className="soft">
          started <Age at={startedAt} /> ago by {startedBy.who}
          {startedBy.why === null ? '' : `: ${startedBy.why}`}
        </span>
      </p>
      <p className="sentence">{rollout.sentence}</p>
      {cause !== null && !rollout.sentence.includes(cause.sentence) && <p>{cause.sentence}</p>}
      {alert !== null && !rollout.sentence.includes(alert.sentence) && (
        <p data-tone="warn">
          Warning since <Age at={alert.since} />: {alert.sentence}
        </p>
      )}
      {phase !== null && (
        <ActionBar service={to.service} rolloutId={id} subject={subjectOf(rollout)} />
      )}
    </section>
  );
}

function Revision({ of: { id, version } }: { readonly of: RevisionView }): ReactNode {
  return (
    <>
      {version !== null && <strong>{version} </strong>}
      <code className="soft">{id}</code>
    </>
  );
}
