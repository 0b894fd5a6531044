import type { TimelineKind } from '../../api/timeline-wire.ts';
import type { EventView } from '../../api/wire.ts';
import type { RecordedEntry, Recorder } from '../../control/recording/recorder.ts';
import type { JsonObject, JsonValue } from '../../domain/evidence/canonical-json.ts';
import { eventView } from './views/event-view.ts';

/** One entry as the timeline has it. */
export interface TimelineEntry {
  readonly index: number;
  readonly atMs: number;
  readonly kind: TimelineKind;
  readonly service: string | null;
  readonly rolloutId: string | null;
  readonly who: string | null;
  readonly severity: EventView['severity'];
  readonly sentence: string;
}

/** Some 8 MB; what is older is in the ledger. */
const entriesMax = 20_000;
const sentenceCharsMax = 200;

/**
 * The newest entries of the ledger, as few bytes each. Read when the first person asks, and from then on only what came since, so
 * that a large ledger costs a timeline nothing.
 */
export class TimelineJournal {
  readonly #recorder: Pick<Recorder, 'replayFrom' | 'size'>;
  readonly #max: number;
  #entries: TimelineEntry[] = [];
  #nextIndex: number | null = null;
  #isWhole = true;
  #reading: Promise<void> = Promise.resolve();

  constructor(recorder: Pick<Recorder, 'replayFrom' | 'size'>, max: number = entriesMax) {
    this.#recorder = recorder;
    this.#max = max;
  }

  /** Oldest first. `isWhole`: nothing older was left out. */
  async entries(
    signal: AbortSignal,
  ): Promise<{ readonly isWhole: boolean; readonly entries: readonly TimelineEntry[] }> {
    // One after the other: two readers at once would each take the same entries.
    this.#reading = this.#reading.catch(() => undefined).then(() => this.#catchUp(signal));
    await this.#reading;
    return { isWhole: this.#isWhole, entries: this.#entries };
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const oldest = Math.max(0, this.#recorder.size - this.#max);
    const from = Math.max(oldest, this.#nextIndex ?? 0);
    if (oldest > 0) this.#isWhole = false;
    const read = this.#entries.filter(({ index }) => index >= oldest);
    for await (const entry of this.#recorder.replayFrom(from, signal)) {
      if (entry.index < (this.#nextIndex ?? from)) continue;
      read.push(timelineEntry(entry));
      this.#nextIndex = entry.index + 1;
    }
    this.#entries = read;
  }
}

function timelineEntry(entry: RecordedEntry): TimelineEntry {
  const { sentence, by, severity, rolloutId, service } = eventView(entry);
  const kind = timelineKind(entry);
  return {
    index: entry.index,
    atMs: entry.observedAtMs,
    kind,
    service: service ?? serviceOfStream(entry.stream),
    rolloutId,
    who: by?.who ?? null,
    severity: kind === 'alert' ? 'warning' : severity,
    sentence: sentence.slice(0, sentenceCharsMax),
  };
}

/** Approvals stand in a stream of their service, and name it nowhere else. */
function serviceOfStream(stream: string): string | null {
  return /^(?:service|approvals)\/(.+)$/.exec(stream)?.[1] ?? null;
}

export function timelineKind(entry: Pick<RecordedEntry, 'type' | 'data'>): TimelineKind {
  const data = isObject(entry.data) ? entry.data : {};
  const decision = data['decision'];
  if (decision === 'alert' || decision === 'alert-over' || decision === 'roll-back') return 'alert';
  if (decision === 'scale') return 'scaling';
  switch (entry.type) {
    case 'release-plan':
    case 'deploy-outcome':
    case 'service-change':
      return 'deployment';
    case 'decision':
      return 'step';
    case 'gate-result':
      return 'verdict';
    case 'approval-request':
    case 'approval':
    case 'override':
      return 'approval';
    case 'load-test':
      return 'load-test';
    case 'instance-event':
      return 'instance';
    case 'operator-action':
      return ofAction(data);
    case 'key-event':
    case 'origin-event':
    case 'blob-event':
      return 'config';
  }
}

/** A person's hand at a rollout is a step of it; a fault says so; the rest are settings. */
function ofAction({ action, rolloutId }: JsonObject): TimelineKind {
  if (action === 'add-fault' || action === 'remove-fault') return 'fault';
  return typeof rolloutId === 'string' ? 'step' : 'config';
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
