import type { JsonValue } from '../domain/evidence/canonical-json.ts';
import type { KeyDirectory } from '../domain/evidence/key-directory.ts';
import type { EntryType, NamedDigest } from '../domain/evidence/statement.ts';
import type { Clock } from '../ports/clock.ts';
import type { Signer } from '../ports/identity.ts';
import { LedgerError } from '../ports/ledger-store.ts';
import type { LedgerQuery, LedgerStore, StoredEntry } from '../ports/ledger-store.ts';
import type { LedgerTree } from '../ports/ledger-tree.ts';
import { enrolSigner, rotateTo } from './log-keys.ts';
import { Draft } from './recorder-draft.ts';
import type { RecordBatch } from './recorder-draft.ts';
import { readEntry, RecorderError, RecorderIndex } from './recorder-index.ts';
import { loadIndex, saveIndex } from './recorder-snapshot.ts';
import { WholeStream } from './whole-stream.ts';

/**
 * The one way into the ledger.
 *
 * W1 when `record` has resolved, its entries are durable, chained and signed; when it rejects with a retryable error,
 *    nothing or everything was written, and the same call again is safe because of the idempotency keys;
 * W2 appends are serialised: callers wait in a queue and one transaction takes what has gathered (group commit);
 * W3 one caller's bad entry is refused to that caller only;
 * W4 an abort takes a waiting call out of the queue; a call that is being written is reported as it went.
 */
export class Recorder implements AsyncDisposable {
  readonly #parts: RecorderParts;
  readonly #index: RecorderIndex;
  /** The one that the ledger wants next is taken: during a rotation there are two. */
  readonly #signers: Signer[];
  readonly #queue: Waiting[] = [];
  #writing: Promise<void> | null = null;
  #isClosed = false;
  #snapshotSize: number;

  /** Use `openRecorder`. */
  constructor(parts: RecorderParts, index: RecorderIndex) {
    this.#parts = parts;
    const { signer, successor = null } = parts;
    this.#signers = successor === null ? [signer] : [signer, successor];
    this.#index = index;
    this.#snapshotSize = index.size;
  }

  /** Who may sign, after all that is durable. */
  get keys(): KeyDirectory {
    return this.#index.keys;
  }

  /** Entries that are durable: the index of the next one. */
  get size(): number {
    return this.#index.size;
  }

  /** Of the newest entry that is durable; null: there is none. */
  get headLeafHash(): string | null {
    return this.#index.headLeafHash;
  }

  /** Whose key the ledger's next entry has to be signed with. Throws a RecorderError `key-mismatch`: none of ours. */
  get signer(): Signer {
    const found = this.#signers.find((each) => isWanted(this.#index, each));
    if (found !== undefined) return found;
    const keyIds = this.#signers.map(({ keyId }) => keyId).join(', ');
    throw new RecorderError(
      'key-mismatch',
      `cannot write to the ledger with key ${keyIds}: it only knows ${this.#index.keys.keyIds().join(', ')}; ` +
        'put back the key files that belong to this ledger',
      { retryable: false },
    );
  }

  /** Ends the keys in use and goes on with these, by one entry signed with the old ones. */
  async rotate(
    next: Signer,
    why: { readonly by: string; readonly reason: string },
    signal: AbortSignal,
  ): Promise<RecordedPlace> {
    this.#signers.push(next);
    const batch = await rotateTo(next, why, signal);
    const [place] = await this.record({ stream: KEY_STREAM, ...batch }, signal);
    if (place === undefined) throw new Error('a rotation is one entry');
    return place;
  }

  /** The result has one place for each entry of the batch, in its order. */
  async record(batch: RecordBatch, signal: AbortSignal): Promise<readonly RecordedPlace[]> {
    signal.throwIfAborted();
    if (this.#isClosed) {
      throw new RecorderError('closed', 'cannot record: the recorder is closed', {
        retryable: false,
      });
    }
    if (batch.entries.length === 0 || batch.entries.length > MAX_GROUP_ENTRIES) {
      const count = batch.entries.length;
      throw new RecorderError(
        'invalid-entry',
        `cannot record ${count} entries at once: must be 1-${MAX_GROUP_ENTRIES}`,
        { retryable: false },
      );
    }
    if (this.#queue.length >= MAX_WAITING) {
      throw new RecorderError(
        'overloaded',
        `cannot record in stream ${batch.stream}: ${MAX_WAITING} calls are waiting already; try again later`,
        { retryable: true },
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly RecordedPlace[]>();
    this.#queue.push({ batch, signal, resolve, reject });
    this.#writing ??= this.#drain();
    return promise;
  }

  /** What was recorded, oldest first; `stream` null: of all streams. Ends at what was there when it began. */
  async *replay(stream: string | null, signal: AbortSignal): AsyncIterable<RecordedEntry> {
    yield* this.#read({ fromIndex: 0, stream }, signal);
  }

  /** Of each stream that is wanted, the entries from the newest one on that its story can be taken up from. */
  async *replayTails(
    isWanted: (stream: string) => boolean,
    signal: AbortSignal,
  ): AsyncIterable<RecordedEntry> {
    for (const restart of this.#index.restarts()) {
      if (isWanted(restart.stream)) yield* this.#read(restart, signal);
    }
  }

  async *#read(query: LedgerQuery, signal: AbortSignal): AsyncIterable<RecordedEntry> {
    const { stream, fromIndex } = query;
    const version = stream === null ? 0 : this.#index.versionOf(stream);
    const whole = stream === null ? null : new WholeStream(stream, { fromIndex, version });
    for await (const stored of this.#parts.store.read(query, signal)) {
      const entry = recordedEntry(stored);
      whole?.take(entry);
      yield entry;
    }
    whole?.finish();
  }

  /** Takes no more calls and waits for those that were taken. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    if (this.#index.size > this.#snapshotSize) await this.#saveSnapshot();
  }

  /** Only ever saves time: when it fails, the next start reads more entries. */
  async #saveSnapshot(): Promise<void> {
    const { tree } = this.#parts;
    if (tree === undefined) return;
    this.#snapshotSize = this.#index.size;
    await saveIndex(
      { tree, signer: this.signer, index: this.#index },
      new AbortController().signal,
    ).catch((error: unknown) => {
      if (!(error instanceof LedgerError)) throw error;
    });
  }

  async #drain(): Promise<void> {
    // Everything asked for in this turn of the event loop shares the first transaction.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#takeGroup();
      try {
        await this.#write(group);
      } catch (error) {
        for (const waiting of group) waiting.reject(error);
      }
      const { size } = this.#index;
      if (size - this.#snapshotSize >= snapshotAfter(size)) await this.#saveSnapshot();
    }
    this.#writing = null;
  }

  #takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    let entries = 0;
    let next = this.#queue[0];
    while (
      next !== undefined &&
      fits(group, next) &&
      entries + next.batch.entries.length <= MAX_GROUP_ENTRIES
    ) {
      this.#queue.shift();
      if (next.signal.aborted) {
        next.reject(next.signal.reason);
      } else {
        group.push(next);
        entries += next.batch.entries.length;
      }
      next = this.#queue[0];
    }
    return group;
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const { store, clock, version } = this.#parts;
    // What has begun is finished (W4): it belongs to several callers, and none of them may stop the others.
    const { signal } = new AbortController();
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      // An empty ledger gets to know its first key by the entry that this one signs.
      const signer = this.#index.size > 0 ? this.signer : this.#parts.signer;
      const context = { index: this.#index, signer, version, nowMs: clock.nowMs() };
      const draft = new Draft(context);
      const drafted = await addAll(draft, group, signal);
      const outcome = draft.isEmpty ? 'appended' : await store.append(draft.batch(), signal);
      if (outcome === 'appended') {
        const entries = draft.entries();
        for (const entry of entries) this.#index.add(entry);
        const fresh = new Map(entries.map(({ index, leafHash }) => [index, leafHash]));
        for (const { waiting, indexes } of drafted) {
          waiting.resolve(await this.#places(indexes, fresh, signal));
        }
        return;
      }
      await this.#index.catchUp(store, signal);
    }
    throw new RecorderError(
      'contended',
      `cannot record: another writer was quicker ${MAX_ATTEMPTS} times; see which other process writes to this ledger`,
      { retryable: true },
    );
  }

  /** Entries recorded long ago are rare here (a repeated call after a crash): their hash is read again. */
  async #places(
    indexes: readonly number[],
    fresh: ReadonlyMap<number, string>,
    signal: AbortSignal,
  ): Promise<readonly RecordedPlace[]> {
    const places: RecordedPlace[] = [];
    for (const index of indexes) {
      const leafHash = fresh.get(index) ?? (await this.#leafHashAt(index, signal));
      places.push({ index, leafHash });
    }
    return places;
  }

  async #leafHashAt(fromIndex: number, signal: AbortSignal): Promise<string> {
    for await (const { leafHash } of this.#parts.store.read({ fromIndex, stream: null }, signal)) {
      return leafHash;
    }
    throw new RecorderError('unreadable-ledger', `cannot find entry ${fromIndex} again`, {
      retryable: false,
    });
  }
}

export interface RecorderParts {
  readonly store: LedgerStore;
  /** Of the same entries; absent: nothing is kept for the next start, which then reads all of them. */
  readonly tree?: LedgerTree;
  readonly signer: Signer;
  /** Of a rotation that was begun and perhaps not ended; null or absent: there is none. */
  readonly successor?: Signer | null;
  readonly clock: Clock;
  /** Of this program; stands in every entry. */
  readonly version: string;
}

export interface RecordedPlace {
  readonly index: number;
  readonly leafHash: string;
}

export interface RecordedEntry extends RecordedPlace {
  readonly stream: string;
  readonly streamVersion: number;
  readonly type: EntryType;
  readonly observedAtMs: number;
  /** Of the program that wrote it. */
  readonly version: string;
  readonly data: JsonValue;
  readonly inputs: readonly NamedDigest[];
}

/** Throws a RecorderError `unreadable-ledger` as `readEntry` does. */
export function recordedEntry(stored: StoredEntry): RecordedEntry {
  const { index, leafHash, statement } = readEntry(stored);
  const { type, stream, streamVersion, observedAtMs, collector, data, inputs } = statement;
  const { version } = collector;
  return { index, leafHash, stream, streamVersion, type, observedAtMs, version, data, inputs };
}

/** Where the ledger speaks of its own keys. */
export const KEY_STREAM = 'ledger/keys';

/** Entries in one transaction: at most 256 x 60 KiB. */
export const MAX_GROUP_ENTRIES = 256;

/** Calls waiting for a transaction. */
export const MAX_WAITING = 4_096;

/** Tries of one transaction while other writers are quicker. */
export const MAX_ATTEMPTS = 5;

/** Often enough that a start after a crash reads few entries, seldom enough to cost little beside the entries themselves. */
function snapshotAfter(size: number): number {
  return Math.max(2_000, Math.ceil(size / 50));
}

/**
 * Reads the ledger, enrols the keys when it is empty, or when it knows the signer by its Ed25519 key alone, and refuses a key that
 * the ledger does not know.
 */
export async function openRecorder(parts: RecorderParts, signal: AbortSignal): Promise<Recorder> {
  const { signer, store } = parts;
  const index = (await knownIndex(parts, signal)) ?? new RecorderIndex();
  await index.catchUp(store, signal);
  const recorder = new Recorder(parts, index);
  const inUse = index.size === 0 ? signer : recorder.signer;
  const isPairMissing = inUse.postQuantum !== undefined && !index.keys.needsBothAt(index.size);
  if (index.size === 0 || isPairMissing) {
    const batch = await enrolSigner(inUse, signal);
    await recorder.record({ stream: KEY_STREAM, ...batch }, signal);
  }
  return recorder;
}

/** What was kept by whichever of the signers was in use; null: nothing to be believed. */
async function knownIndex(
  { tree, signer, successor = null }: RecorderParts,
  signal: AbortSignal,
): Promise<RecorderIndex | null> {
  if (tree === undefined) return null;
  const known = await loadIndex({ tree, signer }, signal);
  if (known !== null || successor === null) return known;
  return loadIndex({ tree, signer: successor }, signal);
}

/** The ledger lets it sign the next entry: by its Ed25519 key, and by the whole pair where it knows one. */
function isWanted({ keys, size }: RecorderIndex, { keyId, postQuantum }: Signer): boolean {
  if (!keys.isValidAt(keyId, size)) return false;
  return !keys.needsBothAt(size) || keys.setAt(size)?.mlDsa65.keyId === postQuantum?.keyId;
}

/** Who may sign is asked of what is durable: entries that change it, or rest on it, are written by themselves. */
function fits(group: readonly Waiting[], next: Waiting): boolean {
  return group.length === 0 || ![...group, next].some(({ batch }) => isAboutKeys(batch));
}

function isAboutKeys({ entries }: RecordBatch): boolean {
  return entries.some(({ type }) => type === 'key-event' || type === 'approval');
}

interface Waiting {
  readonly batch: RecordBatch;
  readonly signal: AbortSignal;
  readonly resolve: (places: readonly RecordedPlace[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Drafted {
  readonly waiting: Waiting;
  readonly indexes: readonly number[];
}

/** Refuses bad batches to their callers and drafts the others. */
async function addAll(
  draft: Draft,
  group: readonly Waiting[],
  signal: AbortSignal,
): Promise<readonly Drafted[]> {
  const drafted: Drafted[] = [];
  for (const waiting of group) {
    try {
      drafted.push({ waiting, indexes: await draft.add(waiting.batch, signal) });
    } catch (error) {
      waiting.reject(error);
    }
  }
  return drafted;
}
