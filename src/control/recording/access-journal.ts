import { setMaxListeners } from 'node:events';
import type { AccessAction } from '../../domain/identity/access-action.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Recorder } from './recorder.ts';

/** A wish at the API, as the ledger tells it. */
export interface AccessTry {
  /** Null: nobody we know. */
  readonly person: string | null;
  readonly action: AccessAction | null;
  /** `default/checkout` or `the server`. */
  readonly resource: string;
  /** Null: of no one service. */
  readonly service: string | null;
  readonly because: string;
}

export interface AccessEntry {
  readonly index: number;
  readonly atMs: number;
  readonly service: string | null;
  readonly who: string | null;
  readonly decision: string;
  readonly sentence: string;
}

/** From the first refusal on, the next ones are counted for so long. */
const windowMs = 60_000;
/** Entries at the end of a window: the most frequent ones, and the rest as one. */
const entriesMax = 8;
/** Kinds of refusals that are told apart within a window. */
const groupsMax = 256;

/**
 * What people did, and what they were not let do, beyond what the desks write themselves.
 *
 * J1 An allowed write is an entry before it is done.
 * J2 A person's first refusal is an entry at once; those within a minute after it are counted by action and service, and become at
 *    most `entriesMax` entries. So however many come, a minute has few. Persons are no more than tokens were made for.
 * J3 Strangers are one together, with one kind of refusal: their noise hides no person's, and is an entry a minute.
 *
 * Reads are no entries: they change nothing, a watching browser makes thousands, and a ledger full of them would bury the evidence
 * and cost a durable write each.
 */
export class AccessJournal implements AsyncDisposable {
  readonly #parts: JournalParts;
  readonly #stop = new AbortController();
  /** Those that are open, by person; null: strangers. */
  readonly #windows = new Map<string | null, RefusalWindow>();
  #count = 0;

  constructor(parts: JournalParts) {
    this.#parts = parts;
    setMaxListeners(0, this.#stop.signal);
  }

  /** Resolves when the entry is durable. */
  async allowed(
    what: AccessTry & { readonly why: string | null },
    signal: AbortSignal,
  ): Promise<void> {
    const { person, action, resource, service, why } = what;
    const sentence = `${person ?? 'somebody'} does ${action} on ${resource}`;
    const data = {
      ...(service === null ? {} : { service }),
      decision: `allow ${action}`,
      sentence,
      by: { who: person ?? '', why },
    };
    await this.#write({ data, service, who: person, decision: data.decision, sentence }, signal);
  }

  /** Never rejects, and is not waited for: nothing is done that would have to wait. */
  refused(what: AccessTry): void {
    const { person } = what;
    const known = this.#windows.get(person);
    if (known !== undefined) return known.add(what);
    const opened = new RefusalWindow({
      clock: this.#parts.clock,
      write: (each) => this.#writeRefusals(each),
      onEnd: () => this.#windows.delete(person),
      signal: this.#stop.signal,
    });
    this.#windows.set(person, opened);
    opened.add(what);
  }

  /** Writes what was counted. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the journal is closed'));
    await Promise.all([...this.#windows.values()].map(({ ended }) => ended));
  }

  async #writeRefusals({ sample, count, sinceMs, untilMs }: Refusals): Promise<void> {
    const { person, action, resource, service, because } = sample;
    const seconds = Math.max(1, Math.round((untilMs - sinceMs) / 1000));
    const often = count === 1 ? '' : ` (${count} times in ${seconds} s)`;
    const sentence = `refused: ${because}${often}`;
    const decision = action === null ? 'refuse access' : `refuse ${action}`;
    const data = {
      ...(service === null ? {} : { service }),
      decision,
      sentence,
      resource,
      count,
      sinceMs,
      untilMs,
      by: { who: person ?? '', why: null },
    };
    try {
      const signal = new AbortController().signal;
      await this.#write({ data, service, who: person, decision, sentence }, signal);
    } catch (error) {
      this.#parts.onTrouble(`cannot record "${sentence}": ${String(error)}`);
    }
  }

  async #write(
    what: Omit<AccessEntry, 'index' | 'atMs'> & { readonly data: object },
    signal: AbortSignal,
  ): Promise<void> {
    const { recorder, clock, onEntry } = this.#parts;
    const { data, ...told } = what;
    const atMs = clock.nowMs();
    this.#count += 1;
    const entry = {
      type: 'operator-action' as const,
      subjects: [],
      idempotencyKey: `${atMs} ${recorder.size} ${this.#count}`,
      data: { ...data, atMs },
    };
    const [place] = await recorder.record(
      { stream: accessStream, entries: [entry], blobs: [] },
      signal,
    );
    if (place !== undefined) onEntry({ index: place.index, atMs, ...told });
  }
}

const accessStream = 'access';

export interface JournalParts {
  readonly recorder: Pick<Recorder, 'record' | 'size'>;
  readonly clock: Pick<Clock, 'nowMs' | 'sleep'>;
  readonly onEntry: (entry: AccessEntry) => void;
  readonly onTrouble: (message: string) => void;
}

interface Refusals {
  readonly sample: AccessTry;
  readonly count: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** J2, of one person or of all strangers, for as long as there are refusals. */
class RefusalWindow {
  readonly #clock: Pick<Clock, 'nowMs' | 'sleep'>;
  readonly #write: (what: Refusals) => Promise<void>;
  readonly #onEnd: () => void;
  readonly #signal: AbortSignal;
  #groups = new Map<string, Refusals>();
  #running: Promise<void> | null = null;

  constructor(parts: {
    readonly clock: Pick<Clock, 'nowMs' | 'sleep'>;
    readonly write: (what: Refusals) => Promise<void>;
    readonly onEnd: () => void;
    readonly signal: AbortSignal;
  }) {
    this.#clock = parts.clock;
    this.#write = parts.write;
    this.#onEnd = parts.onEnd;
    this.#signal = parts.signal;
  }

  get ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  add(sample: AccessTry): void {
    this.#count(sample);
    this.#running ??= this.#run();
  }

  #count(sample: AccessTry): void {
    const nowMs = this.#clock.nowMs();
    const wanted = groupKey(sample);
    const isKnown = this.#groups.has(wanted) || this.#groups.size < groupsMax;
    const key = isKnown ? wanted : restKey;
    const known = this.#groups.get(key);
    this.#groups.set(key, {
      sample: isKnown ? sample : restOf(sample),
      count: (known?.count ?? 0) + 1,
      sinceMs: known?.sinceMs ?? nowMs,
      untilMs: nowMs,
    });
  }

  async #run(): Promise<void> {
    while (this.#groups.size > 0) {
      await this.#flush();
      // Aborted: what was counted meanwhile is written by the last round.
      await this.#clock.sleep(windowMs, this.#signal).catch(() => undefined);
    }
    this.#onEnd();
  }

  async #flush(): Promise<void> {
    const groups = [...this.#groups.values()].toSorted((a, b) => b.count - a.count);
    this.#groups = new Map();
    const [most, rest] = [groups.slice(0, entriesMax - 1), groups.slice(entriesMax - 1)];
    for (const each of [...most, ...together(rest)]) await this.#write(each);
  }
}

const restKey = 'rest';

function groupKey({ person, action, resource }: AccessTry): string {
  return person === null ? 'nobody' : JSON.stringify([action, resource]);
}

function together(groups: readonly Refusals[]): readonly Refusals[] {
  const [first] = groups;
  if (first === undefined || groups.length === 1) return groups;
  const count = groups.reduce((sum, each) => sum + each.count, 0);
  const sinceMs = Math.min(...groups.map((each) => each.sinceMs));
  const untilMs = Math.max(...groups.map((each) => each.untilMs));
  return [{ sample: restOf(first.sample), count, sinceMs, untilMs }];
}

function restOf({ person }: AccessTry): AccessTry {
  const because = 'other wishes';
  return { person, action: null, resource: 'several', service: null, because };
}
