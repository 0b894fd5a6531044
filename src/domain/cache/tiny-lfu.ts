import { FrequencySketch, keyHash } from './frequency-sketch.ts';

/**
 * W-TinyLFU by weight: a window of the newest, and a main part in two segments, into which the window's oldest comes only if it was
 * asked for more often than what would have to go. Source: as frequency-sketch.ts, section 4; window 1 % of all, protected 80 % of the rest.
 *
 * - T1. The weights of all entries together never exceed the bound.
 * - T2. What is evicted is told once, to `onEvicted`; what is deleted or replaced is not.
 */
export class TinyLfu<Value> {
  readonly #weightMax: number;
  readonly #windowMax: number;
  readonly #protectedMax: number;
  readonly #onEvicted: (key: string, value: Value) => void;
  readonly #entries = new Map<string, Entry<Value>>();
  readonly #segments: Readonly<Record<SegmentName, Segment<Value>>> = {
    window: { oldestFirst: new Map(), weight: 0 },
    probation: { oldestFirst: new Map(), weight: 0 },
    protected: { oldestFirst: new Map(), weight: 0 },
  };
  readonly #sketch: FrequencySketch;

  constructor(
    weightMax: number,
    entriesExpected: number,
    onEvicted: (key: string, value: Value) => void = () => {},
  ) {
    this.#weightMax = weightMax;
    this.#windowMax = Math.max(1, Math.floor(weightMax * windowRatio));
    this.#protectedMax = Math.floor((weightMax - this.#windowMax) * protectedRatio);
    this.#sketch = new FrequencySketch(entriesExpected);
    this.#onEvicted = onEvicted;
  }

  get weight(): number {
    const { window, probation, protected: kept } = this.#segments;
    return window.weight + probation.weight + kept.weight;
  }

  get size(): number {
    return this.#entries.size;
  }

  keys(): IterableIterator<string> {
    return this.#entries.keys();
  }

  /** Counts as an ask, whether it is there or not. */
  get(key: string): Value | null {
    this.#sketch.add(keyHash(key));
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    this.#used(entry);
    return entry.value;
  }

  /** Without counting. */
  peek(key: string): Value | null {
    return this.#entries.get(key)?.value ?? null;
  }

  /** Whether it is in now; one heavier than all never is. */
  set(key: string, value: Value, weight: number): boolean {
    this.delete(key);
    if (weight > this.#weightMax) return false;
    const entry: Entry<Value> = { key, hash: keyHash(key), value, weight, segment: 'window' };
    this.#entries.set(key, entry);
    this.#put(entry, 'window');
    this.#makeRoom();
    return this.#entries.has(key);
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#take(entry);
    this.#entries.delete(key);
    return true;
  }

  #used(entry: Entry<Value>): void {
    this.#take(entry);
    this.#put(entry, entry.segment === 'window' ? 'window' : 'protected');
    const { protected: kept } = this.#segments;
    while (kept.weight > this.#protectedMax) {
      const oldest = oldestOf(kept);
      if (oldest === null || oldest === entry) break;
      this.#take(oldest);
      this.#put(oldest, 'probation');
    }
  }

  #makeRoom(): void {
    const { window } = this.#segments;
    while (window.weight > this.#windowMax) {
      const candidate = oldestOf(window);
      if (candidate === null) return;
      this.#take(candidate);
      this.#admit(candidate);
    }
  }

  /** The candidate goes in for as long as what has to go for it was asked for less often. */
  #admit(candidate: Entry<Value>): void {
    const mainMax = this.#weightMax - this.#windowMax;
    const { probation, protected: kept } = this.#segments;
    const count = this.#sketch.count(candidate.hash);
    while (probation.weight + kept.weight + candidate.weight > mainMax) {
      const victim = oldestOf(probation) ?? oldestOf(kept);
      if (victim === null || count <= this.#sketch.count(victim.hash)) {
        this.#evict(candidate);
        return;
      }
      this.#take(victim);
      this.#evict(victim);
    }
    this.#put(candidate, 'probation');
  }

  #evict(entry: Entry<Value>): void {
    this.#entries.delete(entry.key);
    this.#onEvicted(entry.key, entry.value);
  }

  #take(entry: Entry<Value>): void {
    const segment = this.#segments[entry.segment];
    segment.oldestFirst.delete(entry.key);
    segment.weight -= entry.weight;
  }

  #put(entry: Entry<Value>, name: SegmentName): void {
    entry.segment = name;
    const segment = this.#segments[name];
    segment.oldestFirst.set(entry.key, entry);
    segment.weight += entry.weight;
  }
}

const windowRatio = 0.01;
const protectedRatio = 0.8;

type SegmentName = 'window' | 'probation' | 'protected';

interface Segment<Value> {
  readonly oldestFirst: Map<string, Entry<Value>>;
  weight: number;
}

interface Entry<Value> {
  readonly key: string;
  readonly hash: number;
  readonly value: Value;
  readonly weight: number;
  segment: SegmentName;
}

function oldestOf<Value>({ oldestFirst }: Segment<Value>): Entry<Value> | null {
  for (const entry of oldestFirst.values()) return entry;
  return null;
}
