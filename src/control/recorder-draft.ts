import { checkApprovalEntry } from '../domain/evidence/approval/approval-entry.ts';
import { EvidenceError } from '../domain/evidence/canonical-json.ts';
import type { JsonValue } from '../domain/evidence/canonical-json.ts';
import { leafHashHex, sha256Hex } from '../domain/evidence/digest.ts';
import type { SecondSignature } from '../domain/evidence/envelope.ts';
import { leafBytes, unsignedLeaf } from '../domain/evidence/leaf.ts';
import {
  type EntryType,
  isDecisive,
  type NamedDigest,
  type Statement,
} from '../domain/evidence/statement.ts';
import type { Signer } from '../ports/identity.ts';
import type { LedgerBatch, NewBlob, NewEntry } from '../ports/ledger-store.ts';
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

export interface DraftContext {
  readonly index: RecorderIndex;
  readonly signer: Signer;
  readonly version: string;
  readonly nowMs: number;
}

/** The entries of one transaction, chained and signed on top of what the index knows. */
export class Draft {
  readonly #context: DraftContext;
  readonly #entries: DraftedEntry[] = [];
  readonly #blobs: NewBlob[] = [];

  constructor(context: DraftContext) {
    this.#context = context;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /**
   * The index of each entry of the batch, new or already recorded. Throws a RecorderError `invalid-entry` and leaves
   * the draft as it was when one of them can't be written.
   */
  async add(batch: RecordBatch, signal: AbortSignal): Promise<readonly number[]> {
    const inputs = batch.blobs.map(({ name, bytes }) => ({ name, sha256: sha256Hex(bytes) }));
    const sizeBefore = this.#entries.length;
    try {
      const indexes: number[] = [];
      for (const entry of batch.entries) {
        const known = this.#indexOf(batch.stream, entry.idempotencyKey);
        indexes.push(known ?? (await this.#append(this.#statement(batch, entry, inputs), signal)));
      }
      if (this.#entries.length > sizeBefore) {
        for (const { bytes } of batch.blobs)
          this.#blobs.push({ sha256Hex: sha256Hex(bytes), bytes });
      }
      return indexes;
    } catch (error) {
      this.#entries.length = sizeBefore;
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
      expectedSize: this.#context.index.size,
      entries: this.#entries.map((entry) => entry.stored),
      blobs: this.#blobs,
    };
  }

  entries(): readonly ReadEntry[] {
    return this.#entries;
  }

  #statement(batch: RecordBatch, entry: RecordEntry, inputs: readonly NamedDigest[]): Statement {
    const { index, nowMs, version } = this.#context;
    const last = this.#entries.at(-1);
    const head = last ?? { index: index.size - 1, leafHash: index.headLeafHash };
    const { stream } = batch;
    const ownSubject = [{ name: stream, sha256: sha256Hex(stream) }];
    return {
      type: entry.type,
      subjects: entry.subjects.length === 0 ? ownSubject : entry.subjects,
      stream,
      streamVersion: this.#versionOf(stream) + 1,
      previous: head.leafHash === null ? null : { index: head.index, leafHash: head.leafHash },
      // A machine's clock may have been set back while we were away; the ledger's time never goes back.
      observedAtMs: Math.max(nowMs, last?.statement.observedAtMs ?? index.lastAtMs),
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
    const index = this.#context.index.size + this.#entries.length;
    const signature = await signer.sign(unsigned.signedBytes, signal);
    const second = await this.#second(statement, index, unsigned.signedBytes, signal);
    const leaf = leafBytes(unsigned, signer.keyId, signature, second);
    const leafHash = leafHashHex(leaf);
    const { stream } = statement;
    this.#entries.push({ index, leafHash, statement, stored: { stream, leaf, leafHash } });
    return index;
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
   * not make at this very index. Such entries come alone (recorder.ts), so the index knows all keys there are.
   */
  #checkKeys(statement: Statement): void {
    const { index } = this.#context;
    const isAboutKeys = statement.type === 'approval' || statement.type === 'key-event';
    if (!isAboutKeys) return;
    if (this.#entries.length > 0) throw new EvidenceError('an entry about keys comes alone');
    const at = index.size;
    if (statement.type === 'approval') checkApprovalEntry(at, statement.data, index.keys.people);
    if (statement.type === 'key-event' && at > 0) index.keys.check(statement.data);
  }

  #indexOf(stream: string, idempotencyKey: string): number | null {
    const drafted = this.#entries.find(
      ({ statement }) => statement.stream === stream && statement.idempotencyKey === idempotencyKey,
    );
    return drafted?.index ?? this.#context.index.indexOf(stream, idempotencyKey);
  }

  #versionOf(stream: string): number {
    const drafted = this.#entries.filter(({ statement }) => statement.stream === stream).length;
    return this.#context.index.versionOf(stream) + drafted;
  }
}

interface DraftedEntry extends ReadEntry {
  readonly stored: NewEntry;
}
