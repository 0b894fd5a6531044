/**
 * Where large bytes that entries refer to by digest are kept: raw samples, logs.
 *
 * - Durable: when `put` has resolved, the bytes survive a crash of the machine. Putting the same bytes again changes nothing.
 * - What is read has the digest it is asked by, or is refused as `damaged`.
 * - It knows no entries: what may go is its user's to say.
 */
export interface BlobStore {
  /** Rejects with a BlobError `full` when the quota or the disk has no room: nothing was kept then. */
  put(sha256Hex: string, bytes: Uint8Array, signal: AbortSignal): Promise<void>;

  /** Null: it is not there. */
  get(sha256Hex: string, signal: AbortSignal): Promise<Uint8Array | null>;

  /** All that are there, in no order. */
  list(signal: AbortSignal): AsyncIterable<StoredBlob>;

  /** Not there: nothing to do. */
  remove(sha256Hex: string, signal: AbortSignal): Promise<void>;
}

export interface StoredBlob {
  readonly sha256Hex: string;
  /** As it is kept, compressed. */
  readonly storedBytes: number;
  readonly storedAtMs: number;
}

export class BlobError extends Error {
  override readonly name = 'BlobError';
  readonly code: 'full' | 'damaged' | 'io';
  readonly retryable: boolean;

  constructor(code: BlobError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.retryable = code !== 'damaged';
  }
}
