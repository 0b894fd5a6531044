import { type ReactNode } from 'react';
import { useParams } from 'wouter';
import type { ServiceView } from '../../../../api/wire.ts';
import { CopyAs } from '../../parts/copy-as.tsx';
import { PhaseMark } from '../../parts/phase.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { WeightBar } from '../../parts/weight-bar.tsx';
import { useTitle } from '../../shell/use-title.ts';
import { useResource } from '../../store/use-resource.ts';

/** One rollout: where it stands and why. */
export default function RolloutView(): ReactNode {
  const { id = '' } = useParams<{ id: string }>();
  useTitle(id);
  const name = id.replace(/-\d+$/, '');
  const service = useResource<ServiceView>(`/v1/services/${encodeURIComponent(name)}`, {
    changes: (event) => event.service === name,
    goodForMs: ({ status }) => (status.phase === 'Progressing' ? 2_000 : null),
  });
  const rollout = service.value?.status.rollout ?? null;
  return (
    <div className="page">
      <header className="page-head">
        <h1>{id}</h1>
        <CopyAs cli={`tidegate rollout status ${name} --no-watch`} yaml={rollout} />
      </header>
      <ResourceNote of={service} what="rollout" />
      {service.value !== null && rollout !== null && (
        <>
          <PhaseMark phase={service.value.status.phase} />
          <p>{rollout.sentence}</p>
          <WeightBar
            wantedPercent={rollout.wantedSharePercent}
            measuredPercent={rollout.measuredSharePercent}
            stepsPercent={rollout.stepWeightsPercent}
          />
        </>
      )}
    </div>
  );
}
