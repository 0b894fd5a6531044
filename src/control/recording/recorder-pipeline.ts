import type { Clock } from '../../ports/clock.ts';
import type { Signer } from '../../ports/identity.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import { Draft } from './recorder-draft.ts';
import type { RecordBatch } from './recorder-draft.ts';
import { RecorderError } from './recorder-index.ts';
import type { RecorderIndex } from './recorder-index.ts';
import { placesOf, type RecordedPlace } from './recorder-places.ts';

export interface PipelineParts {
  readonly store: LedgerStore;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Of this program; stands in every entry. */
  readonly version: string;
  /** Only of what is durable; taken further here, when something has become so. */
  readonly index: RecorderIndex;
  /** Whose key the next entry has to be signed with; throws when there is none. */
  readonly signer: () => Signer;
  /** Called after each group of entries that has become durable. */
  readonly onDurable: () => void;
}

/** Entries in one transaction: at most 256 x 60 KiB. */
export const MAX_GROUP_ENTRIES = 256;

/** Calls waiting for a transaction. */
export const MAX_WAITING = 4_096;

/** Tries of one call while other writers are quicker. */
export const MAX_ATTEMPTS = 5;

/** What is drafted is finished (W4): it belongs to several callers, and none of them may stop the others. */
const untilDone = new AbortController().signal;

/**
 * When more than these wait for an idle store, it is given half of them, and works while the others are drafted. Fewer go together: on
 * two busy cores two half transactions cost 64 callers more than drafting and writing side by side saved them.
 */
const firstEntriesMin = 128;
/** Drafted in one turn of the event loop: some milliseconds of signing. */
const turnEntries = 32;

/**
 * Drafts and signs the next entries while the last ones are on their way to the disk.
 *
 * P1 one transaction is under way at a time, and what is drafted meanwhile is chained to its entries;
 * P2 a call is answered when the transaction with its entries has been acknowledged, never before, and in the order of the ledger;
 * P3 when a transaction fails, its callers get the error, and what was drafted after it is void: it is drafted again on what is
 *    durable then, so nothing is ever written after entries that aren't there;
 * P4 when another writer was quicker, its entries are read, and the same calls are drafted again behind them, `MAX_ATTEMPTS` times;
 * P5 entries that change who may sign, or rest on it, are alone: drafted after all that is durable, with nothing after them.
 */
export class RecorderPipeline {
  readonly #parts: PipelineParts;
  /** Not drafted, oldest first. */
  readonly #queue: Waiting[] = [];
  /** Begun while the flight is under way, and added to until that has landed. */
  #next: Group | null = null;
  #flight: Flight | null = null;
  #running: Promise<void> | null = null;
  /** Resolved when there is something to look at: a new call, or a landing. */
  #wake = Promise.withResolvers<void>();

  constructor(parts: PipelineParts) {
    this.#parts = parts;
  }

  /** Resolves with a place for each entry when they are durable. Throws a RecorderError `overloaded` when too many wait. */
  put(batch: RecordBatch, signal: AbortSignal): Promise<readonly RecordedPlace[]> {
    if (this.#queue.length >= MAX_WAITING) throw overloaded(batch.stream);
    const { promise, resolve, reject } = Promise.withResolvers<readonly RecordedPlace[]>();
    this.#queue.push({ batch, signal, resolve, reject, attempts: 0 });
    this.#wake.resolve();
    this.#running ??= this.#run();
    return promise;
  }

  /** Resolves when every call has its answer. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Never rejects: what goes wrong is told to the callers it concerns. */
  async #run(): Promise<void> {
    // Everything asked for in this turn of the event loop is seen together.
    await Promise.resolve();
    while (this.#queue.length > 0 || this.#next !== null || this.#flight !== null) {
      await this.#fill();
      if (this.#flight === null) this.#launch();
      else if (this.#flight.outcome === null) await this.#woken();
      if (this.#flight?.outcome) await this.#land(this.#flight, this.#flight.outcome);
    }
    this.#running = null;
  }

  async #woken(): Promise<void> {
    await this.#wake.promise;
    this.#wake = Promise.withResolvers();
  }

  /** Drafts what waits, until the group is full or may leave. */
  async #fill(): Promise<void> {
    const entriesMax = this.#flight === null ? this.#firstEntries() : MAX_GROUP_ENTRIES;
    let inThisTurn = 0;
    for (let call = this.#queue[0]; call !== undefined; call = this.#queue[0]) {
      if (!this.#takes(call, entriesMax) || this.#flight?.outcome) return;
      this.#queue.shift();
      await this.#draft(call);
      inThisTurn += call.batch.entries.length;
      if (inThisTurn < turnEntries) continue;
      inThisTurn = 0;
      await othersTurn();
    }
  }

  /** Half of what waits, so that drafting and writing go on side by side from the beginning. */
  #firstEntries(): number {
    const half = Math.ceil(this.#queue.length / 2);
    return Math.min(MAX_GROUP_ENTRIES, Math.max(firstEntriesMin, half));
  }

  #takes({ batch }: Waiting, entriesMax: number): boolean {
    const before = [this.#next, this.#flight?.group ?? null].filter((group) => group !== null);
    if (before.length > 0 && isAboutKeys(batch)) return false;
    if (before.some((group) => group.isAlone)) return false;
    const entries = this.#next?.entries ?? 0;
    return entries === 0 || entries + batch.entries.length <= entriesMax;
  }

  async #draft(call: Waiting): Promise<void> {
    if (call.signal.aborted) return call.reject(call.signal.reason);
    try {
      const group = this.#next ?? this.#newGroup(isAboutKeys(call.batch));
      const indexes = await group.draft.add(call.batch, untilDone);
      group.members.push({ call, indexes });
      group.entries += call.batch.entries.length;
      this.#next = group;
    } catch (error) {
      call.reject(error);
    }
  }

  #newGroup(isAlone: boolean): Group {
    const { index, signer, version, clock } = this.#parts;
    const context = { index, signer: signer(), version, clock };
    const draft = new Draft(context, this.#flight?.group.draft ?? index);
    return { draft, members: [], entries: 0, isAlone };
  }

  #launch(): void {
    const group = this.#next;
    if (group === null) return;
    this.#next = null;
    const flight: Flight = { group, outcome: null };
    this.#flight = flight;
    void this.#append(group.draft).then((outcome) => {
      flight.outcome = outcome;
      this.#wake.resolve();
    });
  }

  /** Never rejects. */
  async #append(draft: Draft): Promise<Outcome> {
    if (draft.isEmpty) return { kind: 'appended' };
    try {
      return { kind: await this.#parts.store.append(draft.batch(), untilDone) };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  async #land({ group }: Flight, outcome: Outcome): Promise<void> {
    this.#flight = null;
    switch (outcome.kind) {
      case 'appended':
        return this.#answer(group);
      case 'conflict':
        this.#voidNext();
        return this.#draftAgain(group);
      case 'failed':
        this.#voidNext();
        for (const { call } of group.members) call.reject(outcome.error);
    }
  }

  async #answer({ draft, members }: Group): Promise<void> {
    const { index, onDurable, store } = this.#parts;
    const entries = draft.entries();
    try {
      for (const entry of entries) index.add(entry);
    } catch (error) {
      this.#voidNext();
      for (const { call } of members) call.reject(error);
      return;
    }
    this.#next?.draft.restOnIndex();
    const fresh = new Map(entries.map((entry) => [entry.index, entry.leafHash]));
    for (const { call, indexes } of members) {
      try {
        call.resolve(await placesOf(indexes, fresh, store));
      } catch (error) {
        call.reject(error);
      }
    }
    onDurable();
  }

  /** Behind what other writers have written meanwhile. */
  async #draftAgain({ members }: Group): Promise<void> {
    try {
      await this.#parts.index.catchUp(this.#parts.store, untilDone);
    } catch (error) {
      for (const { call } of members) call.reject(error);
      return;
    }
    const again: Waiting[] = [];
    for (const { call } of members) {
      const attempts = call.attempts + 1;
      if (attempts < MAX_ATTEMPTS) again.push({ ...call, attempts });
      else call.reject(contended());
    }
    this.#queue.unshift(...again);
  }

  /** What it rested on is not there. Its calls wait again, before all others. */
  #voidNext(): void {
    const group = this.#next;
    this.#next = null;
    if (group !== null) this.#queue.unshift(...group.members.map(({ call }) => call));
  }
}

interface Waiting {
  readonly batch: RecordBatch;
  readonly signal: AbortSignal;
  readonly resolve: (places: readonly RecordedPlace[]) => void;
  readonly reject: (error: unknown) => void;
  /** Transactions with its entries that another writer was quicker than. */
  readonly attempts: number;
}

/** What goes into one transaction. */
interface Group {
  readonly draft: Draft;
  readonly members: { readonly call: Waiting; readonly indexes: readonly number[] }[];
  /** That were asked for; those recorded already count, too. */
  entries: number;
  readonly isAlone: boolean;
}

interface Flight {
  readonly group: Group;
  /** Null: it is under way. */
  outcome: Outcome | null;
}

type Outcome =
  | { readonly kind: 'appended' | 'conflict' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Lets everything else that is due in this process have its turn; it is no time. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Who may sign is asked of what is durable. */
function isAboutKeys({ entries }: RecordBatch): boolean {
  return entries.some(({ type }) => type === 'key-event' || type === 'approval');
}

function overloaded(stream: string): RecorderError {
  return new RecorderError(
    'overloaded',
    `cannot record in stream ${stream}: ${MAX_WAITING} calls are waiting already; try again later`,
    { retryable: true },
  );
}

function contended(): RecorderError {
  return new RecorderError(
    'contended',
    `cannot record: another writer was quicker ${MAX_ATTEMPTS} times; see which other process writes to this ledger`,
    { retryable: true },
  );
}
