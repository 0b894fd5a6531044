import type {
  Timeline,
  TimelineKind,
  TimelineMark,
  TimelineQuery,
} from '../../../api/timeline-wire.ts';
import type { TimelineEntry } from '../timeline-journal.ts';
import { timeText } from './time-text.ts';

/** What is looked at where no beginning is said. */
const defaultRangeMs = 3_600_000;
const servicesShownMax = 5;
/** As many marks as stand side by side in a row of a screen without hiding each other. */
const slotsMax = 48;

export interface TimelineParts {
  readonly nowMs: number;
  /** What the asker may see; null: an entry of the whole installation. */
  readonly sees: (service: string | null) => boolean;
  readonly isWhole: boolean;
}

/**
 * The entries of a range in at most `query.marks` marks: each kind has its own row of equal slots, and all entries of a kind in one
 * slot are one mark. Entries alone in their slot are themselves.
 */
export function timelineView(
  entries: readonly TimelineEntry[],
  query: TimelineQuery,
  parts: TimelineParts,
): Timeline {
  const untilMs = query.until === undefined ? parts.nowMs : Date.parse(query.until);
  const sinceMs = query.since === undefined ? untilMs - defaultRangeMs : Date.parse(query.since);
  const services = query.services === undefined ? null : new Set(query.services);
  const inRange = entries.filter(
    ({ atMs, service }) =>
      atMs >= sinceMs &&
      atMs <= untilMs &&
      parts.sees(service) &&
      (services === null || (service !== null && services.has(service))),
  );
  const wanted = inRange.filter(({ kind }) => query.kinds?.includes(kind) ?? true);
  const [oldest] = entries;
  return {
    apiVersion: 'tidegate.dev/v1',
    kind: 'Timeline',
    since: timeText(sinceMs),
    until: timeText(untilMs),
    knownSince: parts.isWhole || oldest === undefined ? null : timeText(oldest.atMs),
    entryCount: wanted.length,
    countByKind: countsOf(inRange),
    marks: marksOf(wanted, { sinceMs, untilMs, marks: query.marks }),
  };
}

function countsOf(entries: readonly TimelineEntry[]): Timeline['countByKind'] {
  const counts: Partial<Record<TimelineKind, number>> = {};
  for (const { kind } of entries) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

function marksOf(
  entries: readonly TimelineEntry[],
  range: { readonly sinceMs: number; readonly untilMs: number; readonly marks: number },
): TimelineMark[] {
  const kinds = new Set(entries.map(({ kind }) => kind)).size;
  const slotCount = Math.min(slotsMax, Math.max(1, Math.floor(range.marks / Math.max(1, kinds))));
  const slotMs = Math.max(1, (range.untilMs - range.sinceMs) / slotCount);
  const slots = new Map<string, TimelineEntry[]>();
  for (const entry of entries) {
    // What is at the very end belongs to the last slot.
    const slot = Math.min(slotCount - 1, Math.floor((entry.atMs - range.sinceMs) / slotMs));
    const name = `${entry.kind} ${slot}`;
    const known = slots.get(name);
    if (known === undefined) slots.set(name, [entry]);
    else known.push(entry);
  }
  return [...slots.values()].flatMap((each) => markOf(each) ?? []);
}

function markOf(entries: readonly TimelineEntry[]): TimelineMark | null {
  const [first] = entries;
  const last = entries.at(-1);
  if (first === undefined || last === undefined) return null;
  const told = entries.findLast(({ severity }) => severity === 'warning') ?? last;
  const services = new Set(entries.flatMap(({ service }) => service ?? []));
  return {
    kind: first.kind,
    from: timeText(first.atMs),
    until: timeText(last.atMs),
    entryCount: entries.length,
    services: [...services].toSorted().slice(0, servicesShownMax),
    severity: told.severity,
    entryIndex: told.index,
    rolloutId: told.rolloutId,
    who: told.who,
    sentence: told.sentence,
  };
}
