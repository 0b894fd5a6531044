import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import type { KeyDirectory } from '../../domain/evidence/key-directory.ts';
import type { EntryType, NamedDigest } from '../../domain/evidence/statement.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Signer } from '../../ports/identity.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerQuery, LedgerStore, StoredEntry } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { enrolSigner, rotateTo } from './log-keys.ts';
import type { RecordBatch } from './recorder-draft.ts';
import { readEntry, RecorderError, RecorderIndex } from './recorder-index.ts';
import { MAX_GROUP_ENTRIES, RecorderPipeline } from './recorder-pipeline.ts';
import type { RecordedPlace } from './recorder-places.ts';
import { loadIndex, saveIndex } from './recorder-snapshot.ts';
import { KEY_STREAM, wantedSigner } from './wanted-signer.ts';
import { WholeStream } from './whole-stream.ts';

/**
 * The one way into the ledger.
 *
 * W1 when `record` has resolved, its entries are durable, chained and signed; when it rejects with a retryable error,
 *    nothing or everything was written, and the same call again is safe because of the idempotency keys;
 * W2 appends are serialised: callers wait in a queue and one transaction takes what has gathered (group commit), while the next
 *    one is drafted (recorder-pipeline.ts);
 * W3 one caller's bad entry is refused to that caller only;
 * W4 an abort takes a waiting call out of the queue; a call that is drafted is reported as it went.
 */
export class Recorder implements AsyncDisposable {
  readonly #parts: RecorderParts;
  readonly #index: RecorderIndex;
  /** The one that the ledger wants next is taken: during a rotation there are two. */
  readonly #signers: Signer[];
  readonly #pipeline: RecorderPipeline;
  #isClosed = false;
  #snapshotSize: number;
  #saving: Promise<void> | null = null;

  /** Use `openRecorder`. */
  constructor(parts: RecorderParts, index: RecorderIndex) {
    this.#parts = parts;
    const { signer, successor = null } = parts;
    this.#signers = successor === null ? [signer] : [signer, successor];
    this.#index = index;
    this.#snapshotSize = index.size;
    const { store, clock, version } = parts;
    this.#pipeline = new RecorderPipeline({
      store,
      clock,
      version,
      index,
      // An empty ledger gets to know its first key by the entry that this one signs.
      signer: () => (index.size > 0 ? this.signer : signer),
      onDurable: () => this.#saveSometimes(),
    });
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
    return wantedSigner(this.#index, this.#signers);
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
    return this.#pipeline.put(batch, signal);
  }

  /** What was recorded, oldest first; `stream` null: of all streams. Ends at what was there when it began. */
  async *replay(stream: string | null, signal: AbortSignal): AsyncIterable<RecordedEntry> {
    yield* this.#read({ fromIndex: 0, stream }, signal);
  }

  /** Of all streams, from one entry on. */
  async *replayFrom(fromIndex: number, signal: AbortSignal): AsyncIterable<RecordedEntry> {
    yield* this.#read({ fromIndex, stream: null }, signal);
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
    await this.#pipeline.settled();
    await this.#saving;
    if (this.#index.size > this.#snapshotSize) await this.#saveSnapshot();
  }

  /** Beside the writing, which doesn't wait for it. */
  #saveSometimes(): void {
    const { size } = this.#index;
    if (this.#saving !== null || size - this.#snapshotSize < snapshotAfter(size)) return;
    this.#saving = this.#saveSnapshot().finally(() => {
      this.#saving = null;
    });
  }

  /** Only ever saves time: when it fails, the next start reads more entries. */
  async #saveSnapshot(): Promise<void> {
    const { tree } = this.#parts;
    if (tree === undefined) return;
    this.#snapshotSize = this.#index.size;
    try {
      const parts = { tree, signer: this.signer, index: this.#index };
      await saveIndex(parts, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof LedgerError || error instanceof RecorderError)) throw error;
    }
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
