import { checkApprovalEntry } from '../../domain/evidence/approval/approval-entry.ts';
import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { leafHashHex, sha256Hex } from '../../domain/evidence/digest.ts';
import type { SecondSignature } from '../../domain/evidence/envelope.ts';
import { leafBytes, unsignedLeaf } from '../../domain/evidence/leaf.ts';
import {
  type EntryType,
  isDecisive,
  type NamedDigest,
  type Statement,
} from '../../domain/evidence/statement.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Signer } from '../../ports/identity.ts';
import type { LedgerBatch, NewBlob, NewEntry } from '../../ports/ledger-store.ts';
import { RecorderError } from './recorder-index.ts';
import type { ReadEntry, RecorderIndex } from './recorder-index.ts';

export interface RecordBatch {
  /** What the entries are about in the long run: `rollouts/checkout`, `ledger/keys`. */
  readonly stream: string;
  readonly entries: readonly RecordEntry[];
  /** Kept beside the ledger; every entry of the batch names their digests as its inputs. */
  readonly blobs: readonly NamedBytes[];
}

export interface RecordEntry {
  readonly type: EntryType;
  /** When there is none, the stream itself stands in: its name, and the SHA-256 of that name. */
  readonly subjects: readonly NamedDigest[];
  /** Unique in its stream: recording the same key again gives the first entry. */
  readonly idempotencyKey: string;
  readonly data: JsonValue;
}

export interface NamedBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Where the next entry goes: after all that is durable (RecorderIndex), or after a draft that has yet to become so. */
export interface ChainEnd {
  readonly size: number;
  readonly headLeafHash: string | null;
  readonly lastAtMs: number;
  versionOf(stream: string): number;
  indexOf(stream: string, idempotencyKey: string): number | null;
}

export interface DraftContext {
  readonly index: RecorderIndex;
  readonly signer: Signer;
  readonly version: string;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/**
 * The entries of one transaction, chained and signed after `base`. It may be begun while that is itself a draft on its way to the
 * disk: then it holds only if that one does.
 */
export class Draft implements ChainEnd {
  readonly #context: DraftContext;
  readonly #firstIndex: number;
  readonly #entries: DraftedEntry[] = [];
  readonly #streams = new Map<string, DraftedStream>();
  readonly #blobs: NewBlob[] = [];
  #base: ChainEnd;

  constructor(context: DraftContext, base: ChainEnd = context.index) {
    this.#context = context;
    this.#base = base;
    this.#firstIndex = base.size;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  get size(): number {
    return this.#firstIndex + this.#entries.length;
  }

  get headLeafHash(): string | null {
    return this.#entries.at(-1)?.leafHash ?? this.#base.headLeafHash;
  }

  get lastAtMs(): number {
    return this.#entries.at(-1)?.statement.observedAtMs ?? this.#base.lastAtMs;
  }

  versionOf(stream: string): number {
    return this.#streams.get(stream)?.version ?? this.#base.versionOf(stream);
  }

  indexOf(stream: string, idempotencyKey: string): number | null {
    const drafted = this.#streams.get(stream)?.keys.get(idempotencyKey);
    return drafted ?? this.#base.indexOf(stream, idempotencyKey);
  }

  /** What it was begun after is durable, and so in the index. */
  restOnIndex(): void {
    this.#base = this.#context.index;
  }

  /**
   * The index of each entry of the batch, new or already recorded. Throws a RecorderError `invalid-entry` and leaves
   * the draft as it was when one of them can't be written.
   */
  async add(batch: RecordBatch, signal: AbortSignal): Promise<readonly number[]> {
    const blobs = batch.blobs.map(({ name, bytes }) => ({ name, sha256: sha256Hex(bytes), bytes }));
    const inputs = blobs.map(({ name, sha256 }) => ({ name, sha256 }));
    const countBefore = this.#entries.length;
    try {
      const indexes: number[] = [];
      for (const entry of batch.entries) {
        const known = this.indexOf(batch.stream, entry.idempotencyKey);
        indexes.push(known ?? (await this.#append(this.#statement(batch, entry, inputs), signal)));
      }
      if (this.#entries.length > countBefore) {
        for (const { sha256, bytes } of blobs) this.#blobs.push({ sha256Hex: sha256, bytes });
      }
      return indexes;
    } catch (error) {
      this.#takeBack(countBefore);
      if (!(error instanceof EvidenceError)) throw error;
      throw new RecorderError(
        'invalid-entry',
        `cannot record in stream ${batch.stream}: ${error.message}`,
        { retryable: false, cause: error },
      );
    }
  }

  batch(): LedgerBatch {
    return {
      expectedSize: this.#firstIndex,
      entries: this.#entries.map((entry) => entry.stored),
      blobs: this.#blobs,
    };
  }

  entries(): readonly ReadEntry[] {
    return this.#entries;
  }

  #statement(batch: RecordBatch, entry: RecordEntry, inputs: readonly NamedDigest[]): Statement {
    const { clock, version } = this.#context;
    const { headLeafHash: leafHash } = this;
    const { stream } = batch;
    const ownSubject = [{ name: stream, sha256: sha256Hex(stream) }];
    return {
      type: entry.type,
      subjects: entry.subjects.length === 0 ? ownSubject : entry.subjects,
      stream,
      streamVersion: this.versionOf(stream) + 1,
      previous: leafHash === null ? null : { index: this.size - 1, leafHash },
      // A machine's clock may have been set back while we were away; the ledger's time never goes back.
      observedAtMs: Math.max(clock.nowMs(), this.lastAtMs),
      collector: { name: 'tidegate', version },
      idempotencyKey: entry.idempotencyKey,
      inputs,
      data: entry.data,
    };
  }

  async #append(statement: Statement, signal: AbortSignal): Promise<number> {
    const { signer } = this.#context;
    this.#checkKeys(statement);
    const unsigned = unsignedLeaf(statement);
    const index = this.size;
    const signature = await signer.sign(unsigned.signedBytes, signal);
    const second = await this.#second(statement, index, unsigned.signedBytes, signal);
    const leaf = leafBytes(unsigned, signer.keyId, signature, second);
    const leafHash = leafHashHex(leaf);
    const { stream, streamVersion, idempotencyKey } = statement;
    this.#entries.push({ index, leafHash, statement, stored: { stream, leaf, leafHash } });
    const drafted = this.#streams.get(stream) ?? { version: 0, keys: new Map<string, number>() };
    drafted.version = streamVersion;
    drafted.keys.set(idempotencyKey, index);
    this.#streams.set(stream, drafted);
    return index;
  }

  /** Only of the batch that was added last, so of one stream. */
  #takeBack(countBefore: number): void {
    for (const { statement } of this.#entries.splice(countBefore)) {
      const drafted = this.#streams.get(statement.stream);
      if (drafted === undefined) continue;
      drafted.version -= 1;
      drafted.keys.delete(statement.idempotencyKey);
    }
  }

  /** By ML-DSA-65, for what decides, once the ledger knows such a key of this signer. */
  async #second(
    { type }: Statement,
    at: number,
    signedBytes: Uint8Array,
    signal: AbortSignal,
  ): Promise<SecondSignature | null> {
    const { index, signer } = this.#context;
    if (!isDecisive(type) || !index.keys.needsBothAt(at)) return null;
    const { postQuantum } = signer;
    // checkKey (recorder.ts) refuses a signer without the pair that the ledger knows.
    if (postQuantum === undefined) throw new EvidenceError('the signer has no ML-DSA-65 key');
    const signature = await postQuantum.sign(signedBytes, signal);
    return { keyId: postQuantum.keyId, signature };
  }

  /**
   * What the verifier would find wrong later is refused now: a key event that makes no sense, an approval that its signer may
   * not make at this very index. Such entries come alone (recorder-pipeline.ts), so the index knows all keys there are.
   */
  #checkKeys(statement: Statement): void {
    const { index } = this.#context;
    const isAboutKeys = statement.type === 'approval' || statement.type === 'key-event';
    if (!isAboutKeys) return;
    const at = this.size;
    if (at !== index.size) throw new EvidenceError('an entry about keys comes alone');
    if (statement.type === 'approval') checkApprovalEntry(at, statement.data, index.keys.people);
    if (statement.type === 'key-event' && at > 0) index.keys.check(statement.data);
  }
}

interface DraftedStream {
  version: number;
  /** Index by idempotency key. */
  readonly keys: Map<string, number>;
}

interface DraftedEntry extends ReadEntry {
  readonly stored: NewEntry;
}
