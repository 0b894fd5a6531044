import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Row } from '../../parts/service-row.ts';
import { ActionBar } from '../../parts/actions/action-bar.tsx';
import { subjectOfPhase } from '../../parts/actions/action-state.ts';
import { useShortcut } from '../../shell/shortcuts.ts';
import { RolloutRow } from './rollout-row.tsx';
import type { Rows } from './rollout-rows.ts';
import type { RolloutsQuery, Sort } from './rollouts-query.ts';

const columns: readonly { readonly says: string; readonly sort: Sort | null }[] = [
  { says: 'Service', sort: 'service' },
  { says: 'Phase', sort: 'health' },
  { says: 'Step', sort: null },
  { says: 'Weight: wanted, measured', sort: null },
  { says: 'Verdict', sort: null },
  { says: 'Why', sort: null },
  { says: 'Age', sort: 'started' },
  { says: 'By', sort: null },
];

const aheadCount = 8;
const pointerMs = 150;
/** Before a row has been measured. */
const rowPx = 37;

/** Only the rows on the screen are drawn. To a screen reader it is a table of all of them. */
export function RolloutTable(props: {
  readonly rows: Rows;
  readonly query: RolloutsQuery;
  readonly change: (next: RolloutsQuery) => void;
  readonly onShown: (items: readonly Row[]) => void;
  readonly onEnd: () => void;
}): ReactNode {
  const { items, next } = props.rows;
  const body = useRef<HTMLDivElement>(null);
  const virtual = useWindowVirtualizer({
    count: items.length,
    estimateSize: () => rowPx,
    overscan: aheadCount,
    scrollMargin: body.current?.offsetTop ?? 0,
    getItemKey: (index) => items[index]?.service ?? index,
  });
  const shown = virtual.getVirtualItems();
  const { onShown, onEnd } = props;
  const from = shown[0]?.index ?? 0;
  const until = shown.at(-1)?.index ?? 0;
  useEffect(() => onShown(items.slice(from, until + 1)), [onShown, items, from, until]);
  useEffect(() => {
    if (until >= items.length - aheadCount) onEnd();
  }, [onEnd, until, items.length]);
  const active = useActiveRow(items, (index) => virtual.scrollToIndex(index));
  return (
    <div
      role="table"
      className="rollouts"
      aria-label="Rollouts"
      aria-rowcount={next === null ? items.length + 1 : -1}
    >
      <Head query={props.query} change={props.change} />
      <div role="rowgroup" className="body" ref={body} style={{ height: virtual.getTotalSize() }}>
        {shown.map(({ index, start, key }) => {
          const item = items[index];
          return (
            item !== undefined && (
              <div
                key={key}
                role="row"
                className="row"
                aria-rowindex={index + 2}
                data-index={index}
                data-phase={item.status.phase}
                data-active={active.index === index}
                ref={virtual.measureElement}
                style={{ transform: `translateY(${start - virtual.options.scrollMargin}px)` }}
                onFocus={() => active.set(index)}
                onPointerEnter={() => active.setSoon(index)}
              >
                <RolloutRow item={item} />
                {active.index === index && (
                  <span role="cell" className="row-actions">
                    <ActionBar
                      service={item.service}
                      rolloutId={item.metadata.name}
                      subject={subjectOfPhase(item.status.phase)}
                    />
                  </span>
                )}
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

function Head({
  query,
  change,
}: {
  readonly query: RolloutsQuery;
  readonly change: (next: RolloutsQuery) => void;
}): ReactNode {
  return (
    <div role="rowgroup" className="head">
      <div role="row" className="row" aria-rowindex={1}>
        {columns.map(({ says, sort }) => (
          <span
            key={says}
            role="columnheader"
            aria-sort={sort === null ? undefined : sort === query.sort ? 'ascending' : 'none'}
          >
            {sort === null ? (
              says
            ) : (
              <button type="button" className="quiet" onClick={() => change({ ...query, sort })}>
                {says}
                {sort === query.sort && <span aria-hidden="true"> ↓</span>}
              </button>
            )}
          </span>
        ))}
      </div>
    </div>
  );
}

/** The row that keys go to: j and k walk over the links to rollouts, and Enter follows as with any link. */
function useActiveRow(
  items: readonly Row[],
  scrollTo: (index: number) => void,
): {
  readonly index: number;
  readonly set: (index: number) => void;
  /** If the pointer stays: what it only passes is not asked about. */
  readonly setSoon: (index: number) => void;
} {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const [service, setService] = useState<string | null>(null);
  const index = items.findIndex((item) => item.service === service);
  const go = (to: number): void => {
    const item = items[to];
    if (item === undefined) return;
    setService(item.service);
    scrollTo(to);
    // It may only be drawn once it has been scrolled to.
    requestAnimationFrame(() => linkOf(to)?.focus({ preventScroll: true }));
  };
  useShortcut('j', 'Next row', () => go(index + 1));
  useShortcut('k', 'Row before', () => go(Math.max(0, index - 1)));
  const set = (to: number): void => {
    clearTimeout(timer.current);
    setService(items[to]?.service ?? null);
  };
  const setSoon = (to: number): void => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => set(to), pointerMs);
  };
  return { index, set, setSoon };
}

function linkOf(index: number): HTMLElement | null {
  return document.querySelector(`.rollouts [data-index="${index}"] a`);
}
