import './rollouts.css';
import { type ReactNode, useDeferredValue, useEffect, useMemo, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useTitle } from '../../shell/use-title.ts';
import { getJson } from '../../client/request.ts';
import { followEvents, linkState, resources } from '../../store/live.ts';
import { useSignal } from '../../store/use-resource.ts';
import { pagePath, RolloutRows, type Rows } from './rollout-rows.ts';
import { RolloutFilters } from './rollout-filters.tsx';
import { RolloutTable } from './rollout-table.tsx';
import { queryText, readQuery, type RolloutsQuery } from './rollouts-query.ts';

/** Everything that is being rolled out, what needs somebody first. Filters and order stand in the address. */
export default function RolloutsView(): ReactNode {
  useTitle('Rollouts');
  const search = useSearch();
  const [, navigate] = useLocation();
  const query = useMemo(() => readQuery(search), [search]);
  const rollouts = useRows(query);
  const rows = useDeferredValue(useSignal(rollouts.rows));
  const change = (next: RolloutsQuery): void => {
    const text = queryText(next);
    navigate(text === '' ? '/rollouts' : `/rollouts?${text}`, { replace: true });
  };
  return (
    <div className="page">
      <header className="page-head">
        <h1>Rollouts</h1>
        <CopyAs cli="tidegate get services" yaml={rows.gotAtMs === null ? null : rows.items} />
      </header>
      <RolloutFilters query={query} change={change} />
      <ResourceNote of={{ ...rows, value: rows.gotAtMs === null ? null : rows }} what="rollouts" />
      <Emptiness rows={rows} query={query} />
      {rows.items.length > 0 && (
        <RolloutTable
          rows={rows}
          query={query}
          change={change}
          onShown={(items) => rollouts.show(items)}
          onEnd={() => void rollouts.loadMore()}
        />
      )}
    </div>
  );
}

/** New rows for a new question; the old ones end with the stream's events for them. */
function useRows(query: RolloutsQuery): RolloutRows {
  const kept = (): RolloutRows =>
    new RolloutRows(
      query,
      {
        get: (path) => getJson(path),
        nowMs: Date.now,
        isHidden: () => document.hidden,
        keep: (path, page) => resources.put(path, page),
      },
      resources.read(pagePath(query, null)),
    );
  const [current, setCurrent] = useState(() => ({ query, rollouts: kept() }));
  if (current.query !== query) setCurrent({ query, rollouts: kept() });
  const { rollouts } = current;
  useEffect(() => {
    let wasStale = false;
    const ends = [
      rollouts.start(),
      followEvents((event) => rollouts.tell(event)),
      linkState.watch(() => {
        const { kind } = linkState.get();
        if (kind === 'live' && wasStale) void rollouts.loadFirst();
        wasStale = kind === 'stale';
      }),
    ];
    return () => ends.forEach((end) => end());
  }, [rollouts]);
  return rollouts;
}

function Emptiness({ rows, query }: { readonly rows: Rows; readonly query: RolloutsQuery }) {
  if (rows.items.length > 0 || rows.gotAtMs === null || rows.isLoading) return null;
  if (query.name !== '' || query.phases.length > 0) {
    return (
      <p className="note">
        No rollout is like that. <a href="/rollouts">Show all</a>
      </p>
    );
  }
  return (
    <div className="note">
      <p>Nothing has been released yet. The first release is one command:</p>
      <pre>tidegate apply -f service.yaml</pre>
    </div>
  );
}
