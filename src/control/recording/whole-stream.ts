import { RecorderError } from './recorder-index.ts';

/**
 * Whether the entries that a store gave of one stream are all there are from one place on. The chain from entry to entry shows that
 * of the whole log; of one stream the store's own index says which entries belong to it, and that is covered by no hash: an
 * entry left out there would be an approval withdrawn, or a step taken, that nobody hears of.
 */
export class WholeStream {
  readonly #stream: string;
  readonly #fromIndex: number;
  /** What the entries themselves say the stream had when the reading began. */
  readonly #knownVersion: number;
  #version: number | null = null;

  constructor(stream: string, known: { readonly fromIndex: number; readonly version: number }) {
    this.#stream = stream;
    this.#fromIndex = known.fromIndex;
    this.#knownVersion = known.version;
  }

  /** Throws a RecorderError when an entry before this one was left out. */
  take(entry: { readonly index: number; readonly streamVersion: number }): void {
    const { index, streamVersion } = entry;
    const before = this.#version;
    const isNext =
      before === null
        ? streamVersion === 1 || index === this.#fromIndex
        : streamVersion === before + 1;
    if (!isNext) throw this.#incomplete(`before entry ${index}`);
    this.#version = streamVersion;
  }

  /** Throws a RecorderError when entries at the end were left out. */
  finish(): void {
    const last = this.#version ?? 0;
    if (last < this.#knownVersion) throw this.#incomplete(`after version ${last}`);
  }

  #incomplete(where: string): RecorderError {
    return new RecorderError(
      'unreadable-ledger',
      `cannot read stream ${this.#stream}: entries are missing ${where}; verify the ledger, and restore it from a backup`,
      { retryable: false },
    );
  }
}
