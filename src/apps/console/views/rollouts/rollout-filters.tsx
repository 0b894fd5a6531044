import { type ReactNode, useEffect, useRef, useState } from 'react';
import { movingPhases, type Phase, unhealthyPhases } from '../../parts/phase.tsx';
import { useShortcut } from '../../shell/shortcuts.ts';
import type { RolloutsQuery } from './rollouts-query.ts';

const groups: readonly { readonly says: string; readonly phases: readonly Phase[] }[] = [
  { says: 'All', phases: [] },
  { says: 'Need somebody', phases: unhealthyPhases },
  { says: 'Under way', phases: movingPhases },
  { says: 'Stable', phases: ['Stable'] },
];

/** How long nothing is typed before it is asked. */
const typingMs = 200;

export function RolloutFilters({
  query,
  change,
}: {
  readonly query: RolloutsQuery;
  readonly change: (next: RolloutsQuery) => void;
}): ReactNode {
  return (
    <search className="filters">
      <NameFilter name={query.name} change={(name) => change({ ...query, name })} />
      <div role="group" aria-label="Phase" className="segments">
        {groups.map(({ says, phases }) => (
          <button
            key={says}
            type="button"
            aria-pressed={phases.join() === query.phases.join()}
            onClick={() => change({ ...query, phases })}
          >
            {says}
          </button>
        ))}
      </div>
    </search>
  );
}

function NameFilter(props: {
  readonly name: string;
  readonly change: (name: string) => void;
}): ReactNode {
  const [text, setText] = useState(props.name);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // What else is chosen while the typing is waited for stays chosen.
  const newest = useRef(props.change);
  useEffect(() => {
    newest.current = props.change;
  });
  useShortcut('/', 'Filter by name', () => input.current?.focus());
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      ref={input}
      type="search"
      value={text}
      aria-label="Filter by service"
      placeholder="Filter by service"
      maxLength={63}
      spellCheck={false}
      onChange={({ target }) => {
        setText(target.value);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => newest.current(target.value.trim()), typingMs);
      }}
      onKeyDown={({ key }) => {
        if (key === 'Escape') input.current?.blur();
      }}
    />
  );
}
