import '../../parts/filters.css';
import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import type { Timeline, TimelineMark } from '../../../../api/timeline-wire.ts';
import type { ServerStatus, ServiceView } from '../../../../api/wire.ts';
import { Age } from '../../parts/age.tsx';
import { CommandLine } from '../../parts/command-line.tsx';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useUrlState } from '../../parts/url-state.ts';
import { useTitle } from '../../shell/use-title.ts';
import { useResource } from '../../store/use-resource.ts';
import { type Finding, findingsOf } from './findings.ts';

const lookedBackMs = 90 * 86_400_000;

/** What the server knows of a service that bears on being ready. It is no score: nothing here adds up to one. */
export default function ReadinessView(): ReactNode {
  useTitle('Readiness');
  const [query, change] = useUrlState();
  const services = useResource<{ readonly items: readonly ServiceView[] }>('/v1/services');
  const status = useResource<ServerStatus>('/v1/status', { changes: () => false });
  const all = services.value?.items ?? [];
  const name = query.get('service') ?? all[0]?.metadata.name ?? null;
  const service = all.find(({ metadata }) => metadata.name === name) ?? null;
  const [since] = useState(() => new Date(Date.now() - lookedBackMs).toISOString());
  const exercises = useResource<Timeline>(
    name === null
      ? null
      : `/v1/timeline?since=${since}&services=${encodeURIComponent(name)}&kinds=load-test,fault&marks=500`,
    { changes: (event) => event.service === name },
  );
  const findings =
    service === null ? [] : findingsOf(service, status.value, exercises.value?.marks ?? []);
  return (
    <div className="page">
      <header className="page-head">
        <h1>Readiness</h1>
        <CopyAs
          cli={name === null ? 'tidegate get services' : `tidegate describe ${name}`}
          yaml={service === null ? null : { service: name, findings }}
        />
      </header>
      <p className="note">
        There is no readiness score yet. This is what the server itself knows of a service, with the
        age of it where it has one, and what to run for what it does not know.
      </p>
      <form className="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Service
          <select value={name ?? ''} onChange={({ target }) => change({ service: target.value })}>
            {all.map(({ metadata }) => (
              <option key={metadata.name}>{metadata.name}</option>
            ))}
          </select>
        </label>
      </form>
      <ResourceNote of={services} what="services" />
      {services.value !== null && service === null && (
        <p className="note">There is no such service: tidegate apply -f FILE</p>
      )}
      {findings.length > 0 && <Findings findings={findings} />}
      {service !== null && <Exercises marks={exercises.value?.marks ?? []} />}
    </div>
  );
}

const signs: Readonly<Record<Finding['state'], string>> = {
  known: '●',
  lacking: '▲',
  'not-measured': '○',
};

function Findings({ findings }: { readonly findings: readonly Finding[] }): ReactNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">State</th>
          <th scope="col">Found</th>
          <th scope="col">Age</th>
          <th scope="col">To do</th>
        </tr>
      </thead>
      <tbody>
        {findings.map(({ what, state, found, at, command }) => (
          <tr key={what}>
            <th scope="row">{what}</th>
            <td className="age">
              <span aria-hidden="true">{signs[state]}</span> {state.replace('-', ' ')}
            </td>
            <td>{found}</td>
            <td>{at === null ? '–' : <Age at={at} />}</td>
            <td>{command === null ? null : <CommandLine command={command} />}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Exercises({ marks }: { readonly marks: readonly TimelineMark[] }): ReactNode {
  return (
    <section aria-labelledby="exercises">
      <h2 id="exercises">Exercises of the last 90 days</h2>
      {marks.length === 0 ? (
        <p className="note">No load test was recorded and no fault injected.</p>
      ) : (
        <ul>
          {marks.toReversed().map(({ entryIndex, until, sentence, rolloutId }) => (
            <li key={entryIndex}>
              <Age at={until} /> ago: {sentence}{' '}
              {rolloutId !== null && <Link href={`/rollouts/${rolloutId}`}>{rolloutId}</Link>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
