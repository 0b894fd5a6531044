/**
 * Where the ledger's entries are kept, in order, for good.
 *
 * - Durable: when `append` has resolved to `appended`, the entries and blobs survive a crash of the machine.
 * - Serializable: `append` is a compare-and-swap on the size; two writers never both get the same index.
 * - All or nothing: entries and blobs of one call are there together or not at all.
 * - The store keeps bytes; it neither signs nor understands them, but refuses an entry whose leaf hash is wrong.
 * - Nothing is ever changed or deleted.
 */
export interface LedgerStore {
  /** Number of entries, and the leaf hash of the last one (null when empty). */
  head(signal: AbortSignal): Promise<LedgerHead>;

  /** `conflict` when the ledger does not have `expectedSize` entries: nothing was written, read the head again. */
  append(batch: LedgerBatch, signal: AbortSignal): Promise<'appended' | 'conflict'>;

  /** Entries with fromIndex <= index, oldest first; with `stream`, only that stream's. */
  read(query: LedgerQuery, signal: AbortSignal): AsyncIterable<StoredEntry>;

  /** Bytes by lower-case hex SHA-256, or null when not there. */
  blob(sha256Hex: string, signal: AbortSignal): Promise<Uint8Array | null>;
}

export interface LedgerHead {
  readonly size: number;
  /** Lower-case hex, or null when size is 0. */
  readonly leafHash: string | null;
}

export interface LedgerBatch {
  readonly expectedSize: number;
  /** At least one. The first gets index `expectedSize`. */
  readonly entries: readonly NewEntry[];
  readonly blobs: readonly NewBlob[];
}

export interface NewEntry {
  readonly stream: string;
  /** Canonical bytes of the DSSE envelope; at most 60 KiB. */
  readonly leaf: Uint8Array;
  /** Hex SHA-256(0x00 || leaf), RFC 6962 section 2.1. */
  readonly leafHash: string;
}

export interface NewBlob {
  readonly sha256Hex: string;
  readonly bytes: Uint8Array;
}

export interface LedgerQuery {
  readonly fromIndex: number;
  readonly stream: string | null;
}

export interface StoredEntry extends NewEntry {
  readonly index: number;
}

export class LedgerError extends Error {
  override readonly name = 'LedgerError';
  readonly code:
    | 'full'
    | 'io'
    | 'corrupt'
    | 'locked'
    | 'newer-format'
    | 'older-format'
    | 'invalid-entry'
    /** The password, or a right that is missing. */
    | 'denied'
    /** Another controller has taken the lease (ledger-lease.ts): nothing is written here any more. */
    | 'fenced';
  readonly retryable: boolean;

  constructor(
    code: LedgerError['code'],
    message: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}
