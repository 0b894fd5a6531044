import { type Head, incomplete, refused } from './head.ts';
import { cr, lf } from './octets.ts';

/** parseRequestHead, parseResponseHead or parseTrailers. */
export type ParseHead<H extends Head> = (head: H, bytes: Buffer, at: number, end: number) => number;

/**
 * Reads heads from the pieces in which a connection gives them. One per connection; the head it fills may be shared by
 * all of them, since nothing of an unfinished head is in it.
 *
 * - A head that comes whole is parsed where it lies; only one in pieces is copied, up to `headBytesMax`.
 * - The verdict does not depend on how the bytes were cut, though it may be known later (see the next, and `finish`).
 * - Work is linear in the bytes however they drip: a kept beginning is parsed again only when its empty line has come,
 *   when it has doubled (so that nonsense is refused without its end), or when it has reached the limit.
 */
export class HeadReader<H extends Head> {
  readonly #parse: ParseHead<H>;
  #kept: Buffer | null = null;
  #keptBytes = 0;
  #parsedBytes = 0;

  constructor(parse: ParseHead<H>) {
    this.#parse = parse;
  }

  /** The beginning of a head is there, but not its end. */
  get isWithin(): boolean {
    return this.#keptBytes > 0;
  }

  /**
   * Goes on with chunk[at, end). Returns the offset in `chunk` of what follows the head, `incomplete` (all of it was
   * taken) or `refused`. A finished head's offsets count in `head.bytes`, which may be another buffer than `chunk`.
   */
  read(head: H, chunk: Buffer, at: number): number {
    if (this.#kept !== null) return this.#readOn(head, chunk, at, this.#kept);
    if (at === chunk.length) return incomplete;
    const next = this.#parse(head, chunk, at, chunk.length);
    if (next === incomplete) this.#keep(chunk, at);
    return next;
  }

  /** When no more will come, or not in time: `refused` if what there is of a head could never have become one. */
  finish(head: H): typeof incomplete | typeof refused {
    if (this.#kept === null) return incomplete;
    const next = this.#parse(head, this.#kept, 0, this.#keptBytes);
    this.reset();
    return next === refused ? refused : incomplete;
  }

  /** Forgets an unfinished head. */
  reset(): void {
    this.#kept = null;
    this.#keptBytes = 0;
    this.#parsedBytes = 0;
  }

  #keep(chunk: Buffer, at: number): void {
    const length = chunk.length - at;
    this.#kept = Buffer.allocUnsafe(Math.max(firstBytes, 2 * length));
    chunk.copy(this.#kept, 0, at);
    this.#keptBytes = length;
    this.#parsedBytes = length;
  }

  #readOn(head: H, chunk: Buffer, at: number, before: Buffer): number {
    const { headBytesMax } = head.limits;
    const had = this.#keptBytes;
    const total = Math.min(had + chunk.length - at, headBytesMax);
    const kept = total <= before.length ? before : grown(before, had, total);
    chunk.copy(kept, had, at, at + total - had);
    this.#kept = kept;
    this.#keptBytes = total;
    const isDue = total >= 2 * this.#parsedBytes || total === headBytesMax;
    if (!isDue && !hasEmptyLine(kept, Math.max(0, had - 3), total)) return incomplete;
    this.#parsedBytes = total;
    const next = this.#parse(head, kept, 0, total);
    if (next === incomplete) return incomplete;
    this.reset();
    return next === refused ? refused : at + next - had;
  }
}

const firstBytes = 1024;

function grown(before: Buffer, bytes: number, wanted: number): Buffer {
  const after = Buffer.allocUnsafe(2 * wanted);
  before.copy(after, 0, 0, bytes);
  return after;
}

/** LF LF counts, so that callers who end lines in LF alone hear of it at once. */
function hasEmptyLine(bytes: Buffer, at: number, end: number): boolean {
  for (let lineEnd = bytes.indexOf(lf, at); lineEnd >= 0 && lineEnd + 1 < end;) {
    const next = bytes[lineEnd + 1];
    if (next === lf || (next === cr && lineEnd + 2 < end && bytes[lineEnd + 2] === lf)) return true;
    lineEnd = bytes.indexOf(lf, lineEnd + 1);
  }
  return false;
}
