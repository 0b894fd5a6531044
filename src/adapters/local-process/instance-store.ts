import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '../../ports/platform.ts';
import { parseRecord, RECORD_FORMAT, type InstanceRecord } from './instance-record.ts';
import { removeDurably, writeDurably } from './write-durably.ts';

/**
 * The platform's memory on disk: `instances/<id>.json`, gone with the instance, and `numbers/<revision id>`, the next
 * number of a revision, which stays so that no instance id is ever given twice.
 */
export class InstanceStore {
  readonly #instances: string;
  readonly #numbers: string;
  readonly #nextNumber = new Map<string, number>();
  #lastWrite: Promise<void> = Promise.resolve();

  private constructor(folder: string) {
    this.#instances = join(folder, 'instances');
    this.#numbers = join(folder, 'numbers');
  }

  static async open(folder: string): Promise<InstanceStore> {
    const store = new InstanceStore(folder);
    await mkdir(store.#instances, { recursive: true, mode: 0o700 });
    await mkdir(store.#numbers, { recursive: true, mode: 0o700 });
    for (const revisionId of await readdir(store.#numbers)) {
      if (revisionId.endsWith('.tmp')) continue;
      const number = Number(await readFile(join(store.#numbers, revisionId), 'utf8'));
      if (!Number.isInteger(number)) throw unreadable(join(store.#numbers, revisionId), number);
      store.#nextNumber.set(revisionId, number);
    }
    return store;
  }

  async readAll(): Promise<readonly InstanceRecord[]> {
    const names = (await readdir(this.#instances)).filter((name) => name.endsWith('.json'));
    return Promise.all(names.map((name) => this.#read(join(this.#instances, name))));
  }

  save(record: InstanceRecord): Promise<void> {
    return writeDurably(this.#path(record.id), `${JSON.stringify(record, null, 2)}\n`);
  }

  remove(id: string): Promise<void> {
    return removeDurably(this.#path(id));
  }

  /** Synchronous, so that two callers never get one number; it becomes durable by `keepNumbers`. */
  takeNumber(revisionId: string): number {
    const number = this.#nextNumber.get(revisionId) ?? 1;
    this.#nextNumber.set(revisionId, number + 1);
    return number;
  }

  /** Before the instances with these numbers are started. One write after the other, so the last number wins. */
  keepNumbers(revisionId: string): Promise<void> {
    const write = (): Promise<void> => {
      const next = this.#nextNumber.get(revisionId) ?? 1;
      return writeDurably(join(this.#numbers, revisionId), `${next}\n`);
    };
    // A failure of the write before is its caller's; this one is tried all the same.
    this.#lastWrite = this.#lastWrite.then(write, write);
    return this.#lastWrite;
  }

  #path(id: string): string {
    return join(this.#instances, `${id}.json`);
  }

  async #read(path: string): Promise<InstanceRecord> {
    const parsed = parseRecord(await readFile(path, 'utf8'));
    if (parsed.kind === 'record') return parsed.record;
    if (parsed.kind === 'invalid') throw unreadable(path, parsed.cause);
    throw new PlatformError(
      'state-unreadable',
      `cannot read ${path}: its format ${parsed.format} is newer than ${RECORD_FORMAT}; ` +
        'use the Tidegate that wrote it, or a later one',
      { retryable: false },
    );
  }
}

function unreadable(path: string, cause: unknown): PlatformError {
  return new PlatformError(
    'state-unreadable',
    `cannot read ${path}: ${String(cause)}; stop the process it stands for by hand and remove the file`,
    { retryable: false, cause },
  );
}
