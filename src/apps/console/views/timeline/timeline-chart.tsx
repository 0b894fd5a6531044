import { type KeyboardEvent, type ReactNode, useRef, useState } from 'react';
import type { Timeline, TimelineMark } from '../../../../api/timeline-wire.ts';
import { momentText, ticksOf } from './time-range.ts';
import { kindRows } from './timeline-kinds.ts';

/**
 * Marks on one axis of time, a row for each kind, and a cursor through all rows. One stop of the tab key: arrows go from mark to mark,
 * left and right in time, up and down between the rows.
 */
export function TimelineChart(props: {
  readonly timeline: Timeline;
  readonly chosenIndex: number | null;
  readonly choose: (mark: TimelineMark) => void;
}): ReactNode {
  const { timeline, chosenIndex, choose } = props;
  const [sinceMs, untilMs] = [Date.parse(timeline.since), Date.parse(timeline.until)];
  const [cursorMs, setCursor] = useState<number | null>(null);
  const place = useRef<HTMLDivElement>(null);
  const rangeMs = untilMs - sinceMs;
  const percent = (atMs: number): string => `${(100 * (atMs - sinceMs)) / rangeMs}%`;
  const rows = kindRows.filter(({ kind }) => timeline.marks.some((mark) => mark.kind === kind));
  const focused = timeline.marks.find(({ entryIndex }) => entryIndex === chosenIndex);
  const stop = focused ?? timeline.marks.at(-1);
  const go = (event: KeyboardEvent, from: TimelineMark): void => {
    const to = neighbour(timeline.marks, from, event.key);
    if (to === null) return;
    event.preventDefault();
    place.current?.querySelector<HTMLElement>(`[data-index="${to.entryIndex}"]`)?.focus();
  };
  return (
    <div
      ref={place}
      className="timeline"
      role="group"
      aria-label="Marks in time; arrow keys go from one to the next"
      onPointerMove={({ clientX, currentTarget }) => {
        const box = currentTarget.querySelector('.timeline-axis')?.getBoundingClientRect();
        if (box !== undefined) setCursor(momentAt(box, clientX, { sinceMs, rangeMs }));
      }}
      onPointerLeave={() => setCursor(null)}
    >
      {rows.map(({ kind, label, sign }) => (
        <div key={kind} className="timeline-row">
          <span className="timeline-label">{label}</span>
          <div className="timeline-track" data-kind={kind}>
            {timeline.marks
              .filter((mark) => mark.kind === kind)
              .map((mark) => (
                <button
                  key={mark.entryIndex}
                  type="button"
                  className="timeline-mark"
                  data-index={mark.entryIndex}
                  data-severity={mark.severity}
                  tabIndex={mark === stop ? 0 : -1}
                  aria-pressed={mark.entryIndex === chosenIndex}
                  aria-label={markText(mark, label, rangeMs)}
                  title={markText(mark, label, rangeMs)}
                  style={{ insetInlineStart: percent(middleOf(mark)) }}
                  onClick={() => choose(mark)}
                  onFocus={() => setCursor(middleOf(mark))}
                  onKeyDown={(event) => go(event, mark)}
                >
                  {mark.entryCount > 1 ? mark.entryCount : sign}
                </button>
              ))}
          </div>
        </div>
      ))}
      <Axis sinceMs={sinceMs} untilMs={untilMs} cursorMs={cursorMs} percent={percent} />
    </div>
  );
}

function Axis(props: {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly cursorMs: number | null;
  readonly percent: (atMs: number) => string;
}): ReactNode {
  const { sinceMs, untilMs, cursorMs, percent } = props;
  const rangeMs = untilMs - sinceMs;
  return (
    <div className="timeline-row">
      <span className="timeline-label">{momentText(sinceMs, Number.POSITIVE_INFINITY)}</span>
      <div className="timeline-axis">
        {ticksOf(sinceMs, untilMs).map((atMs) => (
          <span key={atMs} className="timeline-tick" style={{ insetInlineStart: percent(atMs) }}>
            {momentText(atMs, rangeMs)}
          </span>
        ))}
        {cursorMs !== null && (
          <span className="timeline-cursor" style={{ insetInlineStart: percent(cursorMs) }}>
            {momentText(cursorMs, Math.min(rangeMs, 1))}
          </span>
        )}
      </div>
    </div>
  );
}

function momentAt(
  { left, width }: DOMRect,
  x: number,
  { sinceMs, rangeMs }: { readonly sinceMs: number; readonly rangeMs: number },
): number | null {
  const part = (x - left) / width;
  return part < 0 || part > 1 ? null : sinceMs + part * rangeMs;
}

export function middleOf({ from, until }: TimelineMark): number {
  return (Date.parse(from) + Date.parse(until)) / 2;
}

export function markText(mark: TimelineMark, label: string, rangeMs: number): string {
  const { entryCount, sentence, services, severity } = mark;
  const when = momentText(middleOf(mark), rangeMs);
  const who = services.length === 0 ? '' : ` of ${services.join(', ')}`;
  const many = entryCount > 1 ? ` ${entryCount} entries, the last:` : '';
  return `${when}, ${label}${who}${severity === 'warning' ? ', warning' : ''}:${many} ${sentence}`;
}

/** Where an arrow leads; null: nowhere, or it is no arrow. */
function neighbour(
  marks: readonly TimelineMark[],
  from: TimelineMark,
  key: string,
): TimelineMark | null {
  const sorted = marks.toSorted((a, b) => middleOf(a) - middleOf(b));
  const at = sorted.indexOf(from);
  switch (key) {
    case 'ArrowLeft':
      return sorted[at - 1] ?? null;
    case 'ArrowRight':
      return sorted[at + 1] ?? null;
    case 'Home':
      return sorted[0] ?? null;
    case 'End':
      return sorted.at(-1) ?? null;
    case 'ArrowUp':
    case 'ArrowDown':
      return nearestInRow(marks, from, key === 'ArrowUp' ? -1 : 1);
  }
  return null;
}

function nearestInRow(
  marks: readonly TimelineMark[],
  from: TimelineMark,
  step: -1 | 1,
): TimelineMark | null {
  const rows = kindRows.filter(({ kind }) => marks.some((mark) => mark.kind === kind));
  const row = rows[rows.findIndex(({ kind }) => kind === from.kind) + step];
  const distance = (mark: TimelineMark): number => Math.abs(middleOf(mark) - middleOf(from));
  const own = marks.filter(({ kind }) => kind === row?.kind);
  return own.toSorted((a, b) => distance(a) - distance(b))[0] ?? null;
}
