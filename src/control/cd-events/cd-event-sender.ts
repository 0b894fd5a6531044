import { type CloudEvent, cloudEventsOf } from '../../domain/evidence/cd-events.ts';
import { originOf } from '../../domain/evidence/export-format.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EventSink } from '../../ports/event-sink.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerStore, StoredEntry } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { type Cursor, packCursor, unpackCursor } from './cd-event-cursor.ts';
import { recordedEntry } from '../recording/recorder.ts';
import { RecorderError } from '../recording/recorder-index.ts';

/**
 * Posts the CDEvents that follow from the ledger to a sink, beside everything else the server does.
 *
 * E1 In the ledger's order, one at a time, each at least once: the cursor moves on when an event was taken, and is durable before the
 *    next entry's is posted. What can't be posted yet is tried again until it can; nothing overtakes it.
 * E2 An event that the sink does not want, and says so, is skipped: told, and counted. Else one would keep all later ones away for
 *    ever. Everything else waits.
 * E3 Nothing waits for it: entries are read when they are durable, a page at a time, and nothing is queued, since the ledger is
 *    the queue. A defect here ends the sending and not the server.
 * E4 The cursor is kept with the ledger (a snapshot of its store), so that whoever acts on it next goes on there. One that doesn't fit
 *    the ledger or is of another sink is as none: then all events are posted, and a receiver knows those it has by source and id.
 */
export class CdEventSender {
  readonly #parts: CdEventSenderParts;
  #cursor: Cursor | null = null;
  #taken = 0;
  #unwanted = 0;
  #failedTries = 0;
  #problem: string | null = null;

  constructor(parts: CdEventSenderParts) {
    this.#parts = parts;
  }

  get status(): CdEventStatus {
    const nextIndex = this.#cursor?.nextIndex ?? 0;
    return {
      sink: this.#parts.sink.shown,
      nextIndex,
      behindEntries: Math.max(0, this.#parts.size() - nextIndex),
      taken: this.#taken,
      unwanted: this.#unwanted,
      failedTries: this.#failedTries,
      problem: this.#problem,
    };
  }

  /** Until the signal is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const isDone = (await this.#sendPage(signal)) === 0;
        this.#recover();
        if (isDone) await this.#parts.clock.sleep(pollMs, signal);
      } catch (error) {
        if (signal.aborted) return;
        const isTrouble = error instanceof LedgerError || error instanceof RecorderError;
        const what = error instanceof Error ? error.message : String(error);
        this.#tell(
          isTrouble
            ? `cannot read on in the ledger: ${what}`
            : `sending CDEvents has ended for a defect: ${what}`,
        );
        if (!isTrouble) return;
        await this.#parts.clock.sleep(waitMaxMs, signal).catch(() => undefined);
      }
    }
  }

  /** How many entries were looked at. */
  async #sendPage(signal: AbortSignal): Promise<number> {
    let cursor = (this.#cursor ??= await this.#readCursor(signal));
    const page = await this.#page(cursor.nextIndex, signal);
    for (const stored of page) {
      const events = this.#eventsOf(stored, cursor.origin);
      for (const event of events) await this.#post(event, signal);
      cursor = { ...cursor, nextIndex: stored.index + 1, lastLeafHash: stored.leafHash };
      // What the status says was sent is not sent again after a crash, unless it could not be kept.
      if (events.length > 0) await this.#save(cursor, signal);
      this.#cursor = cursor;
    }
    const last = page.at(-1);
    if (last !== undefined && this.#eventsOf(last, cursor.origin).length === 0) {
      await this.#save(cursor, signal);
    }
    return page.length;
  }

  #eventsOf(stored: StoredEntry, origin: string): readonly CloudEvent[] {
    const { environment, timeText } = this.#parts;
    return cloudEventsOf(recordedEntry(stored), { origin, environment, timeText });
  }

  async #post(event: CloudEvent, signal: AbortSignal): Promise<void> {
    const { sink, clock, log } = this.#parts;
    for (let failures = 0; ; failures += 1) {
      const outcome = await sink.post(event, signal);
      if (outcome.kind !== 'failed') this.#recover();
      switch (outcome.kind) {
        case 'taken':
          this.#taken += 1;
          return;
        case 'unwanted':
          this.#unwanted += 1;
          log(
            'error',
            `the sink ${sink.shown} does not want the CDEvent ${event.id} (${event.type}): ${outcome.what}; it is skipped`,
          );
          return;
        case 'failed': {
          this.#failedTries += 1;
          this.#tell(
            `cannot send CDEvents to ${sink.shown}: ${outcome.what}; it is tried again, and all later ones wait`,
          );
          await clock.sleep(
            waitMs({ failures, retryAfterMs: outcome.retryAfterMs }, this.#parts.random()),
            signal,
          );
        }
      }
    }
  }

  /** Once for each trouble, not for each try. */
  #tell(problem: string): void {
    if (problem !== this.#problem) this.#parts.log('error', problem);
    this.#problem = problem;
  }

  #recover(): void {
    if (this.#problem !== null) this.#parts.log('info', 'CDEvents are sent again');
    this.#problem = null;
  }

  async #page(fromIndex: number, signal: AbortSignal): Promise<readonly StoredEntry[]> {
    if (fromIndex >= this.#parts.size()) return [];
    const page: StoredEntry[] = [];
    for await (const stored of this.#parts.ledger.read({ fromIndex, stream: null }, signal)) {
      page.push(stored);
      if (page.length === pageEntries) break;
    }
    return page;
  }

  async #readCursor(signal: AbortSignal): Promise<Cursor> {
    const { ledger, sinkId, log } = this.#parts;
    const first = await entryAt(ledger, 0, signal);
    if (first === null) throw new LedgerError('io', 'it has no entry yet', { retryable: true });
    const none = { sinkId, origin: originOf(first.leafHash), nextIndex: 0, lastLeafHash: null };
    const bytes = await ledger.snapshot(SNAPSHOT, signal);
    const known = bytes === null ? null : unpackCursor(bytes);
    if (known === null || known.sinkId !== sinkId || known.origin !== none.origin) return none;
    if (known.nextIndex === 0) return none;
    const last = await entryAt(ledger, known.nextIndex - 1, signal);
    if (last !== null && last.leafHash === known.lastLeafHash) return known;
    log(
      'error',
      'the ledger is not the one that CDEvents were sent of: all of its events are sent',
    );
    return none;
  }

  /** One that can't be kept is no reason to wait: at worst the next start posts some events again. */
  async #save(cursor: Cursor, signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.ledger.saveSnapshot(SNAPSHOT, packCursor(cursor), signal);
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error;
      this.#parts.log('error', `cannot keep how far CDEvents were sent: ${error.message}`);
    }
  }
}

export interface CdEventSenderParts {
  readonly ledger: Pick<LedgerStore, 'read'> & Pick<LedgerTree, 'snapshot' | 'saveSnapshot'>;
  /** How many entries are durable. */
  readonly size: () => number;
  readonly sink: EventSink;
  /** Which sink it is: another one gets all events. */
  readonly sinkId: string;
  /** Where the services run, by a name that people know it by. */
  readonly environment: string;
  /** A time as RFC 3339. */
  readonly timeText: (atMs: number) => string;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly log: (level: 'info' | 'error', message: string) => void;
}

/** Counts are since the start. */
export interface CdEventStatus {
  readonly sink: string;
  /** The entry whose events are sent next. */
  readonly nextIndex: number;
  /** Entries that are not looked at yet; most have no event. */
  readonly behindEntries: number;
  readonly taken: number;
  readonly unwanted: number;
  readonly failedTries: number;
  /** Why nothing is sent at the moment; null: nothing is wrong. */
  readonly problem: string | null;
}

/** Named for what it is to the store: something to be found again. */
const SNAPSHOT = 'cd-events';

/** How often it is seen whether there are new entries; asks only a number. */
const pollMs = 250;
/** Entries read in one go, so that the event loop is never held for long. */
const pageEntries = 32;

const waitFirstMs = 500;
const waitMaxMs = 60_000;
/** A receiver that asks to be left alone for longer is asked after so long all the same. */
const retryAfterMaxMs = 15 * 60_000;

/**
 * 0.5 s doubled with each failure up to 60 s, of which a random half: many senders that lost one receiver come back one by one. Never
 * earlier than the receiver asked for. With a chance of 0.5: 0.375, 0.75, 1.5 ... 45 s.
 */
export function waitMs(
  { failures, retryAfterMs }: { readonly failures: number; readonly retryAfterMs: number | null },
  chance: number,
): number {
  const fullMs = Math.min(waitMaxMs, waitFirstMs * 2 ** failures);
  const wantedMs = Math.min(retryAfterMaxMs, retryAfterMs ?? 0);
  return Math.ceil(wantedMs + fullMs * (0.5 + chance / 2));
}

/** Null: the ledger has fewer. */
async function entryAt(
  ledger: Pick<LedgerStore, 'read'>,
  fromIndex: number,
  signal: AbortSignal,
): Promise<StoredEntry | null> {
  for await (const stored of ledger.read({ fromIndex, stream: null }, signal)) return stored;
  return null;
}
