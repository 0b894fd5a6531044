import { type FileHandle, open, readFile } from 'node:fs/promises';

import { writePrivately } from './private-files.ts';

/** What was answered to a write. `body` null: it is not kept, as it had a secret or was too long. */
export interface KeptAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string | null;
}

interface Write {
  /** SHA-256 of what was asked for. */
  readonly fingerprint: string;
  readonly atMs: number;
  /** Null: it is under way, or nobody knows what came of it. */
  answer: KeptAnswer | null;
  /** Whether this process does it. */
  isHere: boolean;
  /** The answer's body is kept in memory alone. */
  isSecret: boolean;
}

export type Begun =
  | { readonly kind: 'first' }
  | { readonly kind: 'answered'; readonly answer: KeptAnswer }
  /** Another body came with this key before. */
  | { readonly kind: 'differs' }
  | { readonly kind: 'under-way' }
  /** It was begun and not answered: by a server that ended meanwhile, or one that could not tell what came of it. */
  | { readonly kind: 'not-known' };

/** A retry comes within seconds; a day is for a pipeline that somebody starts again. */
export const keptMs = 24 * 3_600_000;
const writesMax = 10_000;
const bodyCharsMax = 64 * 1024;
/** Of lines that are appended before the file is written anew. */
const appendedCharsMax = 64 * 1024 * 1024;
/** Of all answers that are kept. */
const charsMax = 32 * 1024 * 1024;

/**
 * Which writes were begun and answered, by key. The file has each before it is begun and once it is answered, so that a key is never
 * used for two writes, whichever line the server was killed at. Answers that must not be stored stay in memory.
 */
export class IdempotencyStore implements AsyncDisposable {
  readonly #writes: Map<string, Write>;
  readonly #path: string;
  #file: FileHandle;
  #appendedChars = 0;
  #chars = 0;
  #writing: Promise<unknown> = Promise.resolve();

  /** `path`: a file of JSON lines; what is too old in it is left out. */
  static async open(path: string, nowMs: number): Promise<IdempotencyStore> {
    const writes = fresh(readWrites(await readFile(path, 'utf8').catch(noFile)), nowMs);
    return new IdempotencyStore(path, writes, await rewritten(path, writes));
  }

  private constructor(path: string, writes: Map<string, Write>, file: FileHandle) {
    this.#path = path;
    this.#writes = writes;
    this.#file = file;
    for (const { answer } of writes.values()) this.#chars += answer?.body?.length ?? 0;
  }

  /** `first` is durable when this resolves. Rejects when it cannot be: then nothing may be begun. */
  async begin(key: string, fingerprint: string, nowMs: number): Promise<Begun> {
    const known = this.#writes.get(key);
    if (known !== undefined && nowMs - known.atMs < keptMs) return standing(known, fingerprint);
    const write = { fingerprint, atMs: nowMs, answer: null, isHere: true, isSecret: false };
    this.#forget(key);
    this.#writes.set(key, write);
    try {
      await this.#append(lineOf(key, write));
    } catch (error) {
      this.#forget(key);
      throw error;
    }
    this.#bound();
    return { kind: 'first' };
  }

  /** `isSecret`: the body is kept in memory alone. */
  async answered(
    key: string,
    { status, type, body }: KeptAnswer,
    { isSecret }: { readonly isSecret: boolean },
  ): Promise<void> {
    const write = this.#writes.get(key);
    if (write === undefined) return;
    const kept = body !== null && body.length <= bodyCharsMax ? body : null;
    write.answer = { status, type, body: kept };
    write.isSecret = isSecret;
    this.#chars += kept?.length ?? 0;
    this.#bound();
    await this.#append(lineOf(key, write));
  }

  /** Nobody can say whether it was done. */
  unknown(key: string): void {
    const write = this.#writes.get(key);
    if (write !== undefined) write.isHere = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close();
  }

  #append(line: string): Promise<void> {
    const appended = this.#writing
      .catch(() => undefined)
      .then(async () => {
        await this.#file.appendFile(line);
        await this.#file.datasync();
        this.#appendedChars += line.length;
        if (this.#appendedChars > appendedCharsMax) await this.#rewrite();
      });
    this.#writing = appended;
    return appended;
  }

  async #rewrite(): Promise<void> {
    const before = this.#file;
    this.#file = await rewritten(this.#path, this.#writes);
    this.#appendedChars = 0;
    await before.close();
  }

  /** The oldest go first, but none that is under way. */
  #bound(): void {
    for (const [key, { answer, isHere }] of this.#writes) {
      if (this.#writes.size <= writesMax && this.#chars <= charsMax) return;
      if (answer !== null || !isHere) this.#forget(key);
    }
  }

  #forget(key: string): void {
    this.#chars -= this.#writes.get(key)?.answer?.body?.length ?? 0;
    this.#writes.delete(key);
  }
}

async function rewritten(path: string, writes: ReadonlyMap<string, Write>): Promise<FileHandle> {
  await writePrivately(path, [...writes].map(([key, write]) => lineOf(key, write)).join(''));
  return open(path, 'a', 0o600);
}

function standing(known: Write, fingerprint: string): Begun {
  if (known.fingerprint !== fingerprint) return { kind: 'differs' };
  if (known.answer !== null) return { kind: 'answered', answer: known.answer };
  return { kind: known.isHere ? 'under-way' : 'not-known' };
}

function fresh(writes: Map<string, Write>, nowMs: number): Map<string, Write> {
  const young = [...writes].filter(([, { atMs }]) => nowMs - atMs < keptMs);
  return new Map(young.slice(-writesMax));
}

function lineOf(key: string, { fingerprint, atMs, answer, isSecret }: Write): string {
  const shown = answer !== null && isSecret ? { ...answer, body: null } : answer;
  return `${JSON.stringify({ key, fingerprint, atMs, answer: shown })}\n`;
}

/** A last line that was cut off is of a write that was not begun. */
function readWrites(text: string): Map<string, Write> {
  const writes = new Map<string, Write>();
  for (const line of text.split('\n')) {
    const read = readLine(line);
    if (read === null) continue;
    const { key, ...write } = read;
    writes.set(key, { ...write, isHere: false, isSecret: false });
  }
  return writes;
}

function readLine(
  line: string,
): (Omit<Write, 'isHere' | 'isSecret'> & { readonly key: string }) | null {
  try {
    const value: unknown = JSON.parse(line);
    const isRead = typeof value === 'object' && value !== null && 'key' in value;
    return isRead ? (value as Omit<Write, 'isHere' | 'isSecret'> & { readonly key: string }) : null;
  } catch {
    return null;
  }
}

function noFile(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
  throw error;
}
