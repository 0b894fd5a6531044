import '../../parts/filters.css';
import './timeline.css';
import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import type { Timeline, TimelineMark } from '../../../../api/timeline-wire.ts';
import { CopyAs } from '../../parts/copy-as.tsx';
import { ResourceNote } from '../../parts/resource-note.tsx';
import { useUrlState } from '../../parts/url-state.ts';
import { useShortcut } from '../../shell/shortcuts.ts';
import { useTitle } from '../../shell/use-title.ts';
import { useTimedText } from '../../store/ticker.ts';
import { useResource } from '../../store/use-resource.ts';
import {
  around,
  boundsOf,
  momentText,
  moved,
  queryOfRange,
  rangeOf,
  zoomed,
} from './time-range.ts';
import { markText, TimelineChart } from './timeline-chart.tsx';
import { TimelineFilters } from './timeline-filters.tsx';
import { kindRows } from './timeline-kinds.ts';

export default function TimelineView(): ReactNode {
  useTitle('Timeline');
  const [query, change] = useUrlState();
  const range = rangeOf(query);
  const lastsMs = range.kind === 'latest' ? range.lastsMs : range.untilMs - range.sinceMs;
  // A range up to now goes on in steps too small to be seen, not with each second.
  const stepMs = Math.max(5_000, lastsMs / 400);
  const nowMs = Number(useTimedText((ms) => String(Math.ceil(ms / stepMs) * stepMs)));
  const found = useResource<Timeline>(pathOf(query, boundsOf(range, nowMs)));
  const timeline = useLast(found.value);
  const chosen = timeline?.marks.find(({ entryIndex }) => `${entryIndex}` === query.get('entry'));
  const choose = (mark: TimelineMark): void => {
    const isSame = query.get('entry') === `${mark.entryIndex}`;
    if (!isSame || mark.entryCount === 1) {
      change({ entry: `${mark.entryIndex}` });
      return;
    }
    const into = around(Date.parse(mark.from), Date.parse(mark.until));
    change({ ...queryOfRange(into), entry: null }, { step: true });
  };
  const go = (part: number) => change(queryOfRange(moved(range, nowMs, part)), { step: true });
  const zoom = (factor: number) => change(queryOfRange(zoomed(range, nowMs, factor)));
  useShortcut('[', 'Earlier', () => go(-0.5));
  useShortcut(']', 'Later', () => go(0.5));
  useShortcut('+', 'Shorter range', () => zoom(0.5));
  useShortcut('-', 'Longer range', () => zoom(2));
  const isList = query.get('as') === 'list';
  return (
    <div className="page wide">
      <header className="page-head">
        <h1>Timeline</h1>
        <CopyAs cli={cliOf(query)} yaml={timeline} />
      </header>
      <TimelineFilters query={query} change={change} timeline={timeline} go={go} zoom={zoom} />
      {found.problem !== null || timeline === null ? (
        <ResourceNote of={found} what="timeline" />
      ) : null}
      {timeline !== null && (
        <>
          <Known timeline={timeline} />
          {timeline.marks.length === 0 ? null : isList ? (
            <MarkList timeline={timeline} />
          ) : (
            <TimelineChart
              timeline={timeline}
              chosenIndex={chosen?.entryIndex ?? null}
              choose={choose}
            />
          )}
          {chosen !== undefined && !isList && <Chosen mark={chosen} />}
        </>
      )}
    </div>
  );
}

/** So that a range that goes on with the time doesn't blink. */
function useLast<T>(value: T | null): T | null {
  const [last, setLast] = useState(value);
  if (value !== null && value !== last) setLast(value);
  return value ?? last;
}

function Known({ timeline }: { readonly timeline: Timeline }): ReactNode {
  const { entryCount, marks, knownSince, since } = timeline;
  const rangeText = `${new Date(since).toLocaleString()} to ${new Date(timeline.until).toLocaleString()}`;
  const isCut = knownSince !== null && Date.parse(knownSince) > Date.parse(since);
  return (
    <p className="note" role="status">
      {entryCount === 0
        ? `Nothing of this happened, ${rangeText}.`
        : `${entryCount.toLocaleString('en')} entries in ${marks.length} marks, ${rangeText}.`}
      {isCut && ` Before ${new Date(knownSince).toLocaleString()}: tidegate events.`}
    </p>
  );
}

function Chosen({ mark }: { readonly mark: TimelineMark }): ReactNode {
  const { sentence, who, rolloutId, services, entryCount, entryIndex } = mark;
  return (
    <section className="timeline-chosen" aria-label="The chosen mark" aria-live="polite">
      <h2>
        {entryCount > 1 ? `${entryCount} entries; the last, ${entryIndex}` : `Entry ${entryIndex}`}
      </h2>
      <p>{sentence}</p>
      <p className="actions">
        {who !== null && <span>by {who}</span>}
        {rolloutId !== null && <Link href={`/rollouts/${rolloutId}`}>{rolloutId}</Link>}
        {rolloutId !== null && <Link href={`/evidence/${rolloutId}`}>Evidence</Link>}
        {services.map((name) => (
          <Link key={name} href={`/timeline?services=${name}`}>
            only {name}
          </Link>
        ))}
        {entryCount > 1 && <span>Choose it again to look into it.</span>}
      </p>
    </section>
  );
}

/** The same for ears and for reading one after the other, the newest first. */
function MarkList({ timeline }: { readonly timeline: Timeline }): ReactNode {
  const rangeMs = Date.parse(timeline.until) - Date.parse(timeline.since);
  const newestFirst = timeline.marks.toSorted((a, b) => Date.parse(b.until) - Date.parse(a.until));
  return (
    <ol className="timeline-list">
      {newestFirst.map((mark) => {
        const row = kindRows.find(({ kind }) => kind === mark.kind);
        const text = markText(mark, row?.label ?? mark.kind, rangeMs);
        return (
          <li key={mark.entryIndex} data-severity={mark.severity}>
            <time dateTime={mark.until}>
              {momentText(Date.parse(mark.until), Math.min(rangeMs, 1))}
            </time>{' '}
            {text.slice(text.indexOf(', ') + 2)}{' '}
            {mark.rolloutId !== null && (
              <Link href={`/rollouts/${mark.rolloutId}`}>{mark.rolloutId}</Link>
            )}
          </li>
        );
      })}
    </ol>
  );
}

function pathOf(
  query: URLSearchParams,
  { sinceMs, untilMs }: { readonly sinceMs: number; readonly untilMs: number },
): string {
  const asked = new URLSearchParams({
    since: new Date(sinceMs).toISOString(),
    until: new Date(untilMs).toISOString(),
    marks: '300',
  });
  for (const name of ['services', 'kinds']) {
    const value = query.get(name);
    if (value !== null && value !== '') asked.set(name, value);
  }
  return `/v1/timeline?${asked.toString()}`;
}

function cliOf(query: URLSearchParams): string {
  const services = (query.get('services') ?? '').split(',').filter((name) => name !== '');
  return services.length === 1 ? `tidegate events ${services[0] ?? ''}` : 'tidegate events';
}
