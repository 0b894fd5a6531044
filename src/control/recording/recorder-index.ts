import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import type { JsonValue } from '../../domain/evidence/canonical-json.ts';
import { KeyDirectory } from '../../domain/evidence/key-directory.ts';
import { readLeaf } from '../../domain/evidence/leaf.ts';
import {
  readArray,
  readCount,
  readObject,
  readSha256,
  readText,
} from '../../domain/evidence/read-json.ts';
import type { Statement } from '../../domain/evidence/statement.ts';
import type { LedgerStore, StoredEntry } from '../../ports/ledger-store.ts';

/** A recorder cannot do its work; the message says why and what to do. */
export class RecorderError extends Error {
  override readonly name = 'RecorderError';
  readonly code:
    | 'invalid-entry'
    | 'key-mismatch'
    | 'unreadable-ledger'
    | 'overloaded'
    | 'contended'
    | 'closed';
  readonly retryable: boolean;

  constructor(
    code: RecorderError['code'],
    message: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}

/** A stored entry and what it says, read without checking its signature (that is the verifier's work). */
export interface ReadEntry {
  readonly index: number;
  readonly leafHash: string;
  readonly statement: Statement;
}

/** Throws a RecorderError `unreadable-ledger` when the bytes are not an entry of their stream. */
export function readEntry(stored: StoredEntry): ReadEntry {
  try {
    const { statement } = readLeaf(stored.leaf);
    if (statement.stream !== stored.stream) {
      throw new EvidenceError(
        `it is of stream ${statement.stream} but kept under ${stored.stream}`,
      );
    }
    return { index: stored.index, leafHash: stored.leafHash, statement };
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    throw unreadable(stored.index, error.message, error);
  }
}

/** Time of the newest entry, 0 when there is none: no later entry may be older, whatever the machine's clock says. */
export async function lastObservedAtMs(store: LedgerStore, signal: AbortSignal): Promise<number> {
  const { size } = await store.head(signal);
  const query = { fromIndex: Math.max(0, size - 1), stream: null };
  for await (const stored of store.read(query, signal))
    return readEntry(stored).statement.observedAtMs;
  return 0;
}

/** The input of an entry that a stream's story can be taken up from: nothing before it is needed. */
export const RESTART_INPUT = 'state';

interface StreamState {
  version: number;
  /** Of the newest entry with a `RESTART_INPUT`; 0: the stream has to be read from its beginning. */
  restartIndex: number;
  /** Index by idempotency key. */
  readonly keys: Map<string, number>;
}

/**
 * What has to be known of the entries so far to write the next one: the head, each stream's version, and where each
 * idempotency key was used. At a start it is taken from a snapshot (recorder-snapshot.ts) and the entries after it, or from all
 * entries; it keeps one key and one number an entry in memory.
 */
export class RecorderIndex {
  readonly keys = new KeyDirectory();
  readonly #streams = new Map<string, StreamState>();
  readonly #keyEvents: { readonly index: number; readonly data: JsonValue }[] = [];
  #size = 0;
  #headLeafHash: string | null = null;
  #lastAtMs = 0;

  get size(): number {
    return this.#size;
  }

  get headLeafHash(): string | null {
    return this.#headLeafHash;
  }

  /** Time of the last entry; 0 when there is none. */
  get lastAtMs(): number {
    return this.#lastAtMs;
  }

  /** The streams so far, and where each one's story can be taken up. */
  restarts(): readonly { readonly stream: string; readonly fromIndex: number }[] {
    return [...this.#streams].map(([stream, state]) => ({
      stream,
      fromIndex: state.restartIndex,
    }));
  }

  /** As `fromJson` reads it. */
  toJson(): JsonValue {
    return {
      size: this.#size,
      headLeafHash: this.#headLeafHash,
      lastAtMs: this.#lastAtMs,
      keyEvents: this.#keyEvents,
      streams: [...this.#streams].map(([name, { version, restartIndex, keys }]) => ({
        name,
        version,
        restartIndex,
        keys: [...keys.keys()],
        indexes: [...keys.values()],
      })),
    };
  }

  /** Throws an EvidenceError when it is not what `toJson` gives. */
  static fromJson(value: JsonValue): RecorderIndex {
    const fields = ['size', 'headLeafHash', 'lastAtMs', 'keyEvents', 'streams'];
    const whole = readObject(value, fields, 'the index');
    const index = new RecorderIndex();
    index.#size = readCount(whole['size'], 'size');
    index.#headLeafHash = readSha256(whole['headLeafHash'], 'headLeafHash');
    index.#lastAtMs = readCount(whole['lastAtMs'], 'lastAtMs');
    for (const each of readArray(whole['keyEvents'], 'keyEvents')) {
      const event = readObject(each, ['index', 'data'], 'a key event');
      index.#keepKeyEvent(readCount(event['index'], 'index'), event['data'] ?? null);
    }
    for (const each of readArray(whole['streams'], 'streams')) {
      const [name, state] = readStream(each);
      index.#streams.set(name, state);
    }
    return index;
  }

  versionOf(stream: string): number {
    return this.#streams.get(stream)?.version ?? 0;
  }

  indexOf(stream: string, idempotencyKey: string): number | null {
    return this.#streams.get(stream)?.keys.get(idempotencyKey) ?? null;
  }

  /** Takes over the entries that the store has and the index doesn't. */
  async catchUp(store: LedgerStore, signal: AbortSignal): Promise<void> {
    for await (const stored of store.read({ fromIndex: this.#size, stream: null }, signal)) {
      this.add(readEntry(stored));
    }
  }

  /** Takes over the next entry; throws when it does not continue the chain. */
  add(entry: ReadEntry): void {
    const { index, leafHash, statement } = entry;
    const previous = statement.previous;
    const isNext = index === this.#size && (previous?.index ?? -1) === index - 1;
    if (!isNext || (previous?.leafHash ?? null) !== this.#headLeafHash) {
      throw unreadable(index, 'it does not continue the entry before it');
    }
    if (statement.type === 'key-event') this.#applyKeyEvent(index, statement);
    const stream = this.#streams.get(statement.stream) ?? {
      version: 0,
      restartIndex: 0,
      keys: new Map(),
    };
    stream.version = statement.streamVersion;
    if (statement.inputs.some(({ name }) => name === RESTART_INPUT)) stream.restartIndex = index;
    stream.keys.set(statement.idempotencyKey, index);
    this.#streams.set(statement.stream, stream);
    this.#size = index + 1;
    this.#headLeafHash = leafHash;
    this.#lastAtMs = statement.observedAtMs;
  }

  #keepKeyEvent(index: number, data: JsonValue): void {
    this.keys.apply(index, data);
    this.#keyEvents.push({ index, data });
  }

  #applyKeyEvent(index: number, statement: Statement): void {
    try {
      this.#keepKeyEvent(index, statement.data);
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      throw unreadable(index, error.message, error);
    }
  }
}

function readStream(value: JsonValue): [name: string, state: StreamState] {
  const fields = ['name', 'version', 'restartIndex', 'keys', 'indexes'];
  const stream = readObject(value, fields, 'a stream');
  const indexes = readArray(stream['indexes'], 'indexes');
  const keys = new Map<string, number>();
  for (const [at, key] of readArray(stream['keys'], 'keys').entries()) {
    keys.set(readText(key, 'a key'), readCount(indexes[at], 'an index'));
  }
  const state = {
    version: readCount(stream['version'], 'version'),
    restartIndex: readCount(stream['restartIndex'], 'restartIndex'),
    keys,
  };
  return [readText(stream['name'], 'name'), state];
}

function unreadable(index: number, because: string, cause?: unknown): RecorderError {
  return new RecorderError(
    'unreadable-ledger',
    `cannot continue the ledger: at entry ${index}, ${because}; verify it, and restore it from a backup`,
    { retryable: false, cause },
  );
}
