import { type ReactNode } from 'react';
import type { Timeline } from '../../../../api/timeline-wire.ts';
import type { ChangeUrl } from '../../parts/url-state.ts';
import { latestRanges } from './time-range.ts';
import { kindRows } from './timeline-kinds.ts';

export function TimelineFilters(props: {
  readonly query: URLSearchParams;
  readonly change: ChangeUrl;
  readonly timeline: Timeline | null;
  readonly go: (part: number) => void;
  readonly zoom: (factor: number) => void;
}): ReactNode {
  const { query, change, timeline, go, zoom } = props;
  const isFixed = query.has('since');
  return (
    <form className="filters" onSubmit={(event) => event.preventDefault()}>
      <label>
        Services
        <input
          type="search"
          placeholder="all; several by commas"
          defaultValue={query.get('services') ?? ''}
          onChange={({ target }) => {
            const services = target.value.replace(/\s/g, '');
            change({ services: services === '' ? null : services });
          }}
        />
      </label>
      <label>
        Range
        <select
          value={isFixed ? 'fixed' : (query.get('range') ?? '1h')}
          onChange={({ target }) => change({ range: target.value, since: null, until: null })}
        >
          {isFixed && <option value="fixed">as moved</option>}
          {Object.keys(latestRanges).map((name) => (
            <option key={name} value={name}>
              last {name}
            </option>
          ))}
        </select>
      </label>
      <span className="button-group">
        <button type="button" onClick={() => go(-0.5)}>
          Earlier
        </button>
        <button type="button" onClick={() => go(0.5)}>
          Later
        </button>
        <button type="button" aria-label="Shorter range" onClick={() => zoom(0.5)}>
          +
        </button>
        <button type="button" aria-label="Longer range" onClick={() => zoom(2)}>
          −
        </button>
      </span>
      <label className="check">
        <input
          type="checkbox"
          checked={query.get('as') === 'list'}
          onChange={({ target }) => change({ as: target.checked ? 'list' : null })}
        />
        As a list
      </label>
      <Kinds query={query} change={change} timeline={timeline} />
    </form>
  );
}

function Kinds(props: {
  readonly query: URLSearchParams;
  readonly change: ChangeUrl;
  readonly timeline: Timeline | null;
}): ReactNode {
  const { query, change, timeline } = props;
  const text = query.get('kinds');
  const chosen = text === null ? kindRows.map(({ kind }) => kind as string) : text.split(',');
  const toggle = (kind: string): void => {
    const next = kindRows
      .map((each) => each.kind as string)
      .filter((each) => chosen.includes(each) !== (each === kind));
    const isAll = next.length === kindRows.length || next.length === 0;
    change({ kinds: isAll ? null : next.join(',') });
  };
  return (
    <fieldset className="timeline-kinds">
      <legend>Kinds</legend>
      {kindRows.map(({ kind, label, sign }) => (
        <label key={kind} className="check">
          <input type="checkbox" checked={chosen.includes(kind)} onChange={() => toggle(kind)} />
          <span aria-hidden="true">{sign}</span> {label} ({timeline?.countByKind[kind] ?? 0})
        </label>
      ))}
    </fieldset>
  );
}
