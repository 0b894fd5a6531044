import '../../parts/filters.css';
import { type ReactNode } from 'react';
import { Link } from 'wouter';
import type { ApprovalRequestView } from '../../../../api/approvals-wire.ts';
import type { RolloutItem } from '../../../../api/rollout-list-wire.ts';
import { Age } from '../../parts/age.tsx';
import { CommandLine } from '../../parts/command-line.tsx';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useUrlState } from '../../parts/url-state.ts';
import { useTitle } from '../../shell/use-title.ts';
import { useSession } from '../../store/session.ts';
import { useResource } from '../../store/use-resource.ts';

interface List<Item> {
  readonly items: readonly Item[];
}

/** What waits for somebody: signatures first, then everything that a person has to decide. */
export default function ApprovalsView(): ReactNode {
  useTitle('Approvals');
  const [query, change] = useUrlState();
  const service = query.get('service') ?? '';
  const requests = useResource<List<ApprovalRequestView>>('/v1/approvals');
  const waiting = useResource<List<RolloutItem>>('/v1/rollouts?phase=Waiting,Paused&limit=200');
  const session = useSession();
  const isWanted = (name: string): boolean => name.includes(service);
  const open = (requests.value?.items ?? []).filter((each) => isWanted(each.service));
  const asked = new Set(open.map(({ rolloutId }) => rolloutId));
  const others = (waiting.value?.items ?? []).filter(
    (each) => isWanted(each.service) && !asked.has(each.metadata.name),
  );
  return (
    <div className="page">
      <header className="page-head">
        <h1>Approvals</h1>
        <CopyAs cli="tidegate approvals" yaml={requests.value} />
      </header>
      <form className="filters" onSubmit={(event) => event.preventDefault()}>
        <label>
          Services with
          <input
            type="search"
            defaultValue={service}
            onChange={({ target }) =>
              change({ service: target.value === '' ? null : target.value })
            }
          />
        </label>
      </form>
      <section aria-labelledby="signatures">
        <h2 id="signatures">Waiting for signatures</h2>
        <ResourceNote of={requests} what="approvals" />
        {requests.value !== null && open.length === 0 && (
          <p className="note">No step waits for a signature.</p>
        )}
        {open.map((request) => (
          <Request key={request.sha256} request={request} me={session.value?.name ?? null} />
        ))}
      </section>
      <section aria-labelledby="decisions">
        <h2 id="decisions">Waiting for a decision</h2>
        <ResourceNote of={waiting} what="rollouts" />
        {waiting.value !== null && others.length === 0 && (
          <p className="note">No other rollout waits for anybody.</p>
        )}
        <ul>
          {others.map(({ metadata, status, startedAt }) => (
            <li key={metadata.name}>
              <Link href={`/rollouts/${metadata.name}`}>{metadata.name}</Link>: {status.sentence} (
              <Age at={startedAt} />)
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}

function Request(props: {
  readonly request: ApprovalRequestView;
  /** The name that is signed in; null: not known yet. */
  readonly me: string | null;
}): ReactNode {
  const { request, me } = props;
  const { rolloutId, service, stepNumber, author, missing, state, sha256, entryIndex } = request;
  const needs = missing.map(({ role, count }) => `${count} ${role}`).join(', ');
  return (
    <article aria-labelledby={`request-${entryIndex}`}>
      <h3 id={`request-${entryIndex}`}>
        <Link href={`/rollouts/${rolloutId}`}>{rolloutId}</Link>, step {stepNumber} of {service}
      </h3>
      <p>
        {state === 'open' ? `Still needs ${needs}.` : `It is ${state}.`} Begun by {author}, who may
        not approve it{author === me ? ': that is you' : ''}.{' '}
        <Link href={`/evidence/${rolloutId}`}>What the gate said</Link>
      </p>
      <Said request={request} />
      <p className="note">
        An approval is signed with your own keys, which are on your machine and never come here. Run
        one of these there; it shows what is asked, computes the digest itself, and signs it:
      </p>
      <ul className="commands">
        {(missing.length === 0 ? [{ role: null }] : missing).map(({ role }) => {
          const as = role === null ? '' : ` --role ${role}`;
          return (
            <li key={role}>
              <CommandLine command={`tidegate approve ${rolloutId}${as} --reason "..."`} />
              <br />
              <CommandLine command={`tidegate approve ${rolloutId}${as} --reject --reason "..."`} />
            </li>
          );
        })}
      </ul>
      <details>
        <summary>What is signed</summary>
        <p>
          Entry {entryIndex}, SHA-256 <code>{sha256}</code>, valid for{' '}
          {Math.round(request.validForMs / 60_000)} min
        </p>
      </details>
    </article>
  );
}

function Said({ request: { approvals } }: { readonly request: ApprovalRequestView }): ReactNode {
  if (approvals.length === 0) return <p className="note">Nobody has spoken yet.</p>;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Who</th>
          <th scope="col">As</th>
          <th scope="col">Says</th>
          <th scope="col">Reason</th>
          <th scope="col">When</th>
          <th scope="col">Counts</th>
        </tr>
      </thead>
      <tbody>
        {approvals.map(({ entryIndex, person, role, verdict, reason, at, refused }) => (
          <tr key={entryIndex}>
            <th scope="row">{person}</th>
            <td>{role}</td>
            <td>{verdict}</td>
            <td>{reason}</td>
            <td>
              <Age at={at} />
            </td>
            <td>{refused === null ? 'yes' : `no: ${refused}`}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
