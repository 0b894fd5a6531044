import './evidence.css';
import { type ReactNode } from 'react';
import { Link } from 'wouter';
import type { RolloutItem } from '../../../../api/rollout-list-wire.ts';
import type { RolloutSummaryView } from '../../../../api/wire.ts';
import { Age } from '../../parts/age.tsx';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useUrlState } from '../../parts/url-state.ts';
import { useTitle } from '../../shell/use-title.ts';
import { useResource } from '../../store/use-resource.ts';

interface List<Item> {
  readonly items: readonly Item[];
}

/** Releases that there is evidence of: the newest of each service, or all of one. */
export default function EvidenceListView(): ReactNode {
  useTitle('Evidence');
  const [query, change] = useUrlState();
  const service = query.get('service');
  const name = query.get('name') ?? '';
  const filter = name === '' ? '' : `&name=${encodeURIComponent(name)}`;
  const list = useResource<List<RolloutItem>>(
    service === null ? `/v1/rollouts?sort=started&limit=200${filter}` : null,
  );
  const history = useResource<List<RolloutSummaryView>>(
    service === null ? null : `/v1/services/${encodeURIComponent(service)}/rollouts`,
  );
  const shown = service === null ? list : history;
  const rows =
    service === null
      ? (list.value?.items ?? []).map(rowOfRollout)
      : (history.value?.items ?? []).toReversed().map((item) => rowOfSummary(service, item));
  return (
    <div className="page">
      <header className="page-head">
        <h1>{service === null ? 'Evidence' : `Evidence of ${service}`}</h1>
        <CopyAs cli="tidegate get rollouts" yaml={shown.value} />
      </header>
      <p className="note">
        Of each release: its gates and numbers, who approved it, and signatures that are verified
        here, in the browser, or elsewhere without this server.
      </p>
      {service === null ? (
        <label className="evidence-filter">
          Services with{' '}
          <input
            type="search"
            defaultValue={name}
            onChange={({ target }) => change({ name: target.value === '' ? null : target.value })}
          />
        </label>
      ) : (
        <p>
          <Link href="/evidence">All services</Link>
        </p>
      )}
      <ResourceNote of={shown} what="releases" />
      {shown.value !== null && rows.length === 0 && (
        <p className="note">No release here yet: tidegate apply -f FILE</p>
      )}
      {rows.length > 0 && <Rows rows={rows} isOne={service !== null} />}
    </div>
  );
}

interface Row {
  readonly id: string;
  readonly service: string;
  readonly version: string | null;
  readonly outcome: string;
  readonly who: string;
  readonly at: string;
}

function rowOfRollout({ metadata, service, toVersion, status, ...item }: RolloutItem): Row {
  return {
    id: metadata.name,
    service,
    version: toVersion,
    outcome: status.phase,
    who: item.startedBy,
    at: item.startedAt,
  };
}

function rowOfSummary(service: string, item: RolloutSummaryView): Row {
  const { id, toVersion: version, outcome, startedBy, startedAt: at } = item;
  return { id, service, version, outcome, who: startedBy.who, at };
}

function Rows({
  rows,
  isOne,
}: {
  readonly rows: readonly Row[];
  readonly isOne: boolean;
}): ReactNode {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Release</th>
          <th scope="col">Version</th>
          <th scope="col">Outcome</th>
          <th scope="col">Begun by</th>
          <th scope="col">Age</th>
          {!isOne && <th scope="col">Earlier</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ id, service, version, outcome, who, at }) => (
          <tr key={id}>
            <th scope="row">
              <Link href={`/evidence/${id}`}>{id}</Link>
            </th>
            <td>{version ?? '–'}</td>
            <td>{outcome}</td>
            <td>{who}</td>
            <td>
              <Age at={at} />
            </td>
            {!isOne && (
              <td>
                <Link href={`/evidence?service=${service}`}>all of {service}</Link>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
