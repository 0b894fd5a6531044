import '../../parts/filters.css';
import './graph.css';
import { lazy, type ReactNode, Suspense, useEffect } from 'react';
import type { ServiceGraph } from '../../../../api/graph-wire.ts';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { type ChangeUrl, useUrlState } from '../../parts/url-state.ts';
import { useShortcut } from '../../shell/shortcuts.ts';
import { useTitle } from '../../shell/use-title.ts';
import { useResource } from '../../store/use-resource.ts';
import { GraphDetail } from './graph-detail.tsx';
import { GraphTable } from './graph-table.tsx';

const GraphCanvas = lazy(() => import('./graph-canvas.tsx'));

const renewMs = 5_000;
const renewing = { goodForMs: (): number => renewMs };

/** All services, rather than one and what is around it. */
const all = '*';

export default function GraphView(): ReactNode {
  useTitle('Service graph');
  const [query, change] = useUrlState();
  const service = query.get('service');
  useFirstService(service, change);
  const graph = useResource<ServiceGraph>(service === null ? null : pathOf(query), renewing);
  const isTable = query.get('as') === 'table';
  const selected = graph.value?.nodes.find(({ id }) => id === query.get('node')) ?? null;
  const toggle = (name: string, value: string) =>
    change({ [name]: query.get(name) === value ? null : value });
  useShortcut('p', 'Only problems', () => toggle('problems', 'true'));
  useShortcut('t', 'Table or drawing', () => toggle('as', 'table'));
  return (
    <div className="page wide">
      <header className="page-head">
        <h1>Service graph</h1>
        <CopyAs cli={cliOf(service)} yaml={graph.value} />
      </header>
      <Filters query={query} change={change} />
      <ResourceNote of={graph} what="services" />
      {graph.value !== null && (
        <>
          <Empty graph={graph.value} isProblems={query.get('problems') === 'true'} />
          {isTable ? (
            <GraphTable graph={graph.value} />
          ) : (
            <div className="graph-stage">
              <section className="graph-place" aria-label="Drawing of services; t shows a table">
                <Suspense fallback={<p className="note">Loading the drawing</p>}>
                  {graph.value.nodes.length > 0 && (
                    <GraphCanvas
                      graph={graph.value}
                      selectedId={selected?.id ?? null}
                      select={(id) => change({ node: id === 'gateway' ? null : id })}
                    />
                  )}
                </Suspense>
              </section>
              {selected !== null && (
                <GraphDetail
                  graph={graph.value}
                  node={selected}
                  close={() => change({ node: null })}
                />
              )}
            </div>
          )}
        </>
      )}
    </div>
  );
}

/** The view opens on what needs somebody most, with what is around it: all services at once help nobody. */
function useFirstService(service: string | null, change: ChangeUrl): void {
  const first = useResource<ServiceGraph>(service === null ? '/v1/graph?limit=1' : null);
  const { value } = first;
  useEffect(() => {
    if (service !== null || value === null) return;
    change({ service: value.nodes.find(({ kind }) => kind === 'service')?.name ?? all });
  }, [service, value, change]);
}

function Filters(props: {
  readonly query: URLSearchParams;
  readonly change: ChangeUrl;
}): ReactNode {
  const { query, change } = props;
  const service = query.get('service') ?? '';
  const known = useResource<ServiceGraph>('/v1/graph?limit=2000', { changes: ofServices });
  const names = (known.value?.nodes ?? []).flatMap(({ kind, name }) =>
    kind === 'service' ? [name] : [],
  );
  return (
    <form className="filters" onSubmit={(event) => event.preventDefault()}>
      <label>
        Around
        <input
          key={service}
          name="service"
          list="graph-services"
          defaultValue={service === all ? '' : service}
          placeholder="all services"
          onChange={({ target }) => {
            if (names.includes(target.value)) change({ service: target.value, node: null });
          }}
          onBlur={({ target }) => {
            if (target.value === '') change({ service: all, node: null });
          }}
        />
      </label>
      <datalist id="graph-services">
        {names.toSorted().map((name) => (
          <option key={name} value={name} aria-label={name} />
        ))}
      </datalist>
      <label>
        Hops
        <select
          value={query.get('hops') ?? '1'}
          disabled={service === all}
          onChange={({ target }) => change({ hops: target.value === '1' ? null : target.value })}
        >
          {['0', '1', '2', '3', '5', '10'].map((hops) => (
            <option key={hops}>{hops}</option>
          ))}
        </select>
      </label>
      <button
        type="button"
        disabled={service === all}
        onClick={() => change({ service: all, node: null })}
      >
        All services
      </button>
      <Check name="problems" value="true" says="Only problems" query={query} change={change} />
      <Check name="as" value="table" says="As a table" query={query} change={change} />
    </form>
  );
}

function Check(props: {
  readonly name: string;
  readonly value: string;
  readonly says: string;
  readonly query: URLSearchParams;
  readonly change: ChangeUrl;
}): ReactNode {
  const { name, value, says, query, change } = props;
  return (
    <label className="check">
      <input
        type="checkbox"
        checked={query.get(name) === value}
        onChange={({ target }) => change({ [name]: target.checked ? value : null })}
      />
      {says}
    </label>
  );
}

function Empty(props: { readonly graph: ServiceGraph; readonly isProblems: boolean }): ReactNode {
  const { graph, isProblems } = props;
  if (graph.nodes.length === 0) {
    const what = isProblems
      ? 'Nothing here has a problem.'
      : 'There is no service yet: tidegate apply -f FILE';
    return <p className="note">{what}</p>;
  }
  if (graph.omittedCount === 0) return null;
  return (
    <p className="note" role="status" data-tone="warn">
      {graph.omittedCount} more services are not shown; those with problems and the most requests
      are.
    </p>
  );
}

function pathOf(query: URLSearchParams): string {
  const asked = new URLSearchParams();
  const service = query.get('service');
  if (service !== null && service !== all) {
    asked.set('service', service);
    asked.set('hops', query.get('hops') ?? '1');
  }
  if (query.get('problems') === 'true') asked.set('problems', 'true');
  const namespace = query.get('namespace');
  if (namespace !== null) asked.set('namespace', namespace);
  asked.set('limit', '1000');
  return `/v1/graph?${asked.toString()}`;
}

function cliOf(service: string | null): string {
  return service === null || service === all
    ? 'tidegate get services'
    : `tidegate describe ${service}`;
}

const ofServices = ({ type }: { readonly type: string }): boolean =>
  type === 'service-change' || type === 'release-plan';
