import './rollout.css';
import { type ReactNode } from 'react';
import { Link, useParams } from 'wouter';
import type { RolloutResource, RolloutSamples } from '../../../../api/rollout-wire.ts';
import type { EventView, RolloutView as Rollout, ServiceView } from '../../../../api/wire.ts';
import { CopyAs } from '../../parts/copy-as.tsx';
import { EventList } from '../../parts/event-list.tsx';
import { LogTail } from '../../parts/log-tail.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useTitle } from '../../shell/use-title.ts';
import { useSession } from '../../store/session.ts';
import { useResource } from '../../store/use-resource.ts';
import { MetricPanels } from './metric-panels.tsx';
import { RevisionDiff } from './revision-diff.tsx';
import { RolloutHead } from './rollout-head.tsx';
import { StepTrack } from './step-track.tsx';

/** Figures of a rollout under way change without an event. */
const movingGoodForMs = 2_000;
const samplePoints = 200;

/** One rollout: where it stands and why, how it came there, and what can be done about it. */
export default function RolloutView(): ReactNode {
  const { id } = useParams<{ id: string }>();
  const name = id.replace(/-\d+$/, '');
  useTitle(id);
  const changes = (event: EventView): boolean => event.service === name;
  const resource = useResource<RolloutResource>(`/v1/rollouts/${encodeURIComponent(id)}`, {
    changes,
    goodForMs: ({ status }) => (isMoving(status.rollout) ? movingGoodForMs : null),
  });
  const service = useResource<ServiceView>(`/v1/services/${encodeURIComponent(name)}`, { changes });
  const rollout = resource.value?.status.rollout ?? null;
  const isNewest = service.value?.status.rollout?.id === id;
  return (
    <div className="page">
      <header className="page-head">
        <h1>
          <Link href={`/services/${name}`}>{name}</Link>{' '}
          <span className="soft number">{id.slice(name.length + 1)}</span>
        </h1>
        <CopyAs cli={`tidegate rollout status ${name} --no-watch`} yaml={resource.value} />
      </header>
      <ResourceNote of={resource} what="rollout" />
      {rollout !== null && (
        <>
          <RolloutHead
            rollout={rollout}
            phase={isNewest ? (service.value?.status.phase ?? null) : null}
          />
          <section aria-labelledby="steps">
            <h2 id="steps">Steps</h2>
            <StepTrack rollout={rollout} />
          </section>
          <Comparison id={id} rollout={rollout} />
          <Around id={id} name={name} rollout={rollout} service={isNewest ? service.value : null} />
        </>
      )}
    </div>
  );
}

function Comparison({
  id,
  rollout,
}: {
  readonly id: string;
  readonly rollout: Rollout;
}): ReactNode {
  const samples = useResource<RolloutSamples>(
    `/v1/rollouts/${encodeURIComponent(id)}/samples?points=${samplePoints}`,
    {
      changes: ({ rolloutId }) => rolloutId === id,
      goodForMs: () => (isMoving(rollout) ? movingGoodForMs : null),
    },
  );
  return (
    <section aria-labelledby="comparison">
      <h2 id="comparison">Candidate against stable</h2>
      {rollout.gate === null ? (
        <p className="soft">Nothing has been judged: {rollout.sentence}</p>
      ) : (
        <>
          <ResourceNote of={samples} what="measurements" />
          {samples.value !== null && <MetricPanels gate={rollout.gate} samples={samples.value} />}
        </>
      )}
    </section>
  );
}

/** What was recorded, what the candidate wrote, and what going back would change. */
function Around(props: {
  readonly id: string;
  readonly name: string;
  readonly rollout: Rollout;
  /** Null: it is not the service's newest rollout. */
  readonly service: ServiceView | null;
}): ReactNode {
  const { id, name, rollout, service } = props;
  const events = useResource<{ readonly items: readonly EventView[] }>(
    `/v1/events?service=${encodeURIComponent(name)}`,
    { changes: (event) => event.service === name },
  );
  const session = useSession(name).value;
  const mayRead = session?.allowed.services[name]?.includes('services:logs');
  const own = events.value?.items.filter(({ rolloutId }) => rolloutId === id) ?? [];
  return (
    <div className="columns">
      <section aria-labelledby="events">
        <h2 id="events">Events</h2>
        <ResourceNote of={events} what="events" />
        <EventList events={own} />
      </section>
      <section aria-labelledby="log">
        <h2 id="log">Log of {rollout.to.version ?? rollout.to.id}</h2>
        {mayRead === true && (
          <LogTail key={rollout.to.id} service={name} revisionId={rollout.to.id} />
        )}
        {mayRead === false && <p className="soft">{session?.name} may not read its log.</p>}
      </section>
      {service !== null && (
        <section aria-labelledby="back">
          <h2 id="back">Going back</h2>
          <RevisionDiff
            service={name}
            rolloutId={id}
            revisions={service.status.stables.filter((each) => each.id !== rollout.to.id)}
          />
        </section>
      )}
    </div>
  );
}

function isMoving({ endedAt, phase }: Rollout): boolean {
  return endedAt === null && phase !== 'promoted' && phase !== 'rolled-back';
}
