import { secondaryKey } from '../../../domain/cache/cache-key.ts';
import type { HeaderLookup } from '../../../domain/cache/preconditions.ts';
import type { StoredAnswer } from '../../../domain/cache/stored-answer.ts';
import { TinyLfu } from '../../../domain/cache/tiny-lfu.ts';

/** What an entry costs beside its octets: objects, maps and the key's place in the sketch. */
const entryOverheadBytes = 600;
const fieldOverheadBytes = 80;
/** Answers are mostly of this size or larger: so many are told apart by the sketch. */
const usualEntryBytes = 2048;
/** Of one resource; beyond it the oldest go. */
const variantsMax = 64;

/** Which of a resource's answers a request gets; null: none is known by what they are chosen. */
export type Variant =
  | { readonly kind: 'known'; readonly secondary: string }
  | { readonly kind: 'unknown' | 'too-long' };

/** Answers in the memory of one process. */
export class MemoryLayer {
  readonly #answers: TinyLfu<StoredAnswer>;
  /** By primary key: what its answers are chosen by, and those that are there. */
  readonly #resources = new Map<string, { vary: readonly string[]; readonly there: Set<string> }>();
  evictions = 0;

  constructor(memoryBytes: number) {
    this.#answers = new TinyLfu(memoryBytes, memoryBytes / usualEntryBytes, (key) => {
      this.evictions += 1;
      this.#forget(key);
    });
  }

  get bytes(): number {
    return this.#answers.weight;
  }

  get entries(): number {
    return this.#answers.size;
  }

  variant(primary: string, header: HeaderLookup): Variant {
    const resource = this.#resources.get(primary);
    if (resource === undefined) return { kind: 'unknown' };
    const secondary = secondaryKey(resource.vary, header);
    return secondary === null ? { kind: 'too-long' } : { kind: 'known', secondary };
  }

  /** Counts as an ask, found or not. */
  find(primary: string, variant: Variant): StoredAnswer | null {
    const secondary = variant.kind === 'known' ? variant.secondary : '';
    return this.#answers.get(keyOf(primary, secondary));
  }

  /** Whether the memory has it now. */
  put(primary: string, secondary: string, answer: StoredAnswer): boolean {
    const { vary } = answer;
    let resource = this.#resources.get(primary);
    // Chosen by something else from now on: what is there can't be found any more.
    if (resource !== undefined && resource.vary.join() !== vary.join()) this.remove(primary);
    resource = this.#resources.get(primary) ?? { vary, there: new Set() };
    this.#resources.set(primary, resource);
    resource.there.add(secondary);
    const isIn = this.#answers.set(
      keyOf(primary, secondary),
      answer,
      weightOf(primary, secondary, answer),
    );
    if (!isIn) this.#forget(keyOf(primary, secondary));
    const [oldest] = resource.there;
    if (resource.there.size > variantsMax && oldest !== undefined) this.#drop(primary, oldest);
    return isIn;
  }

  /** All of a resource; how many there were. */
  remove(primary: string): number {
    const there = [...(this.#resources.get(primary)?.there ?? [])];
    for (const secondary of there) this.#drop(primary, secondary);
    return there.length;
  }

  /** Those that `isMeant` says. */
  sweep(isMeant: (primary: string, answer: StoredAnswer) => boolean): void {
    for (const key of this.#answers.keys()) {
      const answer = this.#answers.peek(key);
      const [primary, secondary] = partsOf(key);
      if (answer !== null && isMeant(primary, answer)) this.#drop(primary, secondary);
    }
  }

  #drop(primary: string, secondary: string): void {
    this.#answers.delete(keyOf(primary, secondary));
    this.#forget(keyOf(primary, secondary));
  }

  #forget(key: string): void {
    const [primary, secondary] = partsOf(key);
    const resource = this.#resources.get(primary);
    if (resource === undefined) return;
    resource.there.delete(secondary);
    if (resource.there.size === 0) this.#resources.delete(primary);
  }
}

/** No key has a NUL in it: neither a path nor a field's value may. */
function keyOf(primary: string, secondary: string): string {
  return `${primary}\0${secondary}`;
}

function partsOf(key: string): readonly [primary: string, secondary: string] {
  const at = key.indexOf('\0');
  return [key.slice(0, at), key.slice(at + 1)];
}

function weightOf(primary: string, secondary: string, { fields, body }: StoredAnswer): number {
  let bytes = entryOverheadBytes + 2 * (primary.length + secondary.length) + body.byteLength;
  for (const [name, value] of fields) bytes += name.length + value.length + fieldOverheadBytes;
  return bytes;
}
