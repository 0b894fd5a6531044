import { requestDirectives } from '../../../domain/cache/cache-control.ts';
import { primaryKey, secondaryKey } from '../../../domain/cache/cache-key.ts';
import type { CachePurge, CacheRule } from '../../../domain/cache/cache-rule.ts';
import { type CacheStatus, cacheStatusText } from '../../../domain/cache/cache-status.ts';
import { isUnsafe } from '../../../domain/cache/invalidation.ts';
import { type HeaderLookup, rendering, validatorsOf } from '../../../domain/cache/preconditions.ts';
import { isPurged } from '../../../domain/cache/purge.ts';
import { type Reuse, reuse } from '../../../domain/cache/reuse.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import type { StoredAnswer } from '../../../domain/cache/stored-answer.ts';
import { CacheCounts } from './cache-counts.ts';
import { type Errand, type ErrandHome, FetchErrand, type Served } from './errand.ts';
import type { FarLayer } from './far-layer.ts';
import { type Flight, Flights } from './flights.ts';
import { MemoryLayer } from './memory-layer.ts';
import { UnsafeErrand } from './unsafe-errand.ts';

/** A request as its cache is asked about it. */
export interface CacheAsk {
  readonly method: string;
  readonly authority: string;
  /** With its query. */
  readonly path: string;
  readonly hasBody: boolean;
  /** Of the request, read within the call. */
  readonly header: HeaderLookup;
  /** All of them, for as long as its answer is under way: called once, if the answer may be kept. */
  readonly keepHeaders: () => HeaderLookup;
  readonly revisionId: string;
  /** The cache is passed by: the request is the gate's evidence. Its answer is kept. */
  readonly isEvidence: boolean;
}

export type CacheAnswer =
  | {
      readonly kind: 'serve';
      readonly served: Served;
      /** To be sent to an instance beside, by nobody's request; null: none. */
      readonly revalidation: Errand | null;
    }
  /** To an instance; the errand hears of its answer. Null: nobody does. */
  | { readonly kind: 'fetch'; readonly errand: Errand | null }
  /** `only-if-cached`, and nothing is. */
  | { readonly kind: 'not-cached' }
  /** To be asked again then, with the same turn. */
  | { readonly kind: 'wait'; readonly until: Promise<void> };

/** What is remembered of a request while it waits. */
export class CacheTurn {
  readonly sinceMs = performance.now();
  hasLookedFar = false;
  /** The variant that was looked for in Redis; null: none yet. */
  farSecondary: string | null = null;
  hasWaited = false;
  /** What was waited for: memory may have had no room for what it brought. */
  flight: Flight | null = null;
}

/** Answers that may not be shared are not waited for, for so long; of so many resources. */
const unsharedMs = 10_000;
const unsharedMax = 10_000;

export interface RouteCacheOptions {
  readonly service: string;
  readonly rule: CacheRule;
  /** Of the rule's memory, this process's part in (0, 1]. */
  readonly memoryShare: number;
  /** Null: there is none. */
  readonly far: FarLayer | null;
  /** Told of what an unsafe request has changed, for the other processes of this gateway. */
  readonly onChanged: (change: CacheChange) => void;
}

/** Stored answers to these paths are no more right. */
export interface CacheChange {
  readonly service: string;
  readonly authority: string;
  readonly paths: readonly string[];
}

/**
 * The cache of one route in one process: memory first, then Redis if there is one, then an instance, one fetch for all that want the same.
 *
 * - K1. A key has the revision in it, and the revision was chosen before: a candidate neither reads nor fills stable's answers.
 * - K2. What was fetched before a purge, or while an unsafe request to its resource was answered, is neither given nor kept.
 * - K3. A request waits at most `waitMs` for another's fetch, and a bounded time for Redis; then it goes by itself.
 * - K4. Whatever is wrong with Redis, the request goes on as if there were none (far-layer.ts).
 */
export class RouteCache implements ErrandHome {
  readonly service: string;
  readonly rule: CacheRule;
  readonly memory: MemoryLayer;
  readonly counts = new CacheCounts();
  readonly #options: RouteCacheOptions;
  readonly #flights = new Flights();
  /** By primary key. */
  readonly #fetches = new Map<string, Set<FetchErrand>>();
  /** By primary key: until when, of `performance.now()`. */
  readonly #unshared = new Map<string, number>();
  #purges: readonly CachePurge[] = [];
  #revisionIds: readonly string[] = [];

  constructor(options: RouteCacheOptions) {
    this.#options = options;
    this.service = options.service;
    this.rule = options.rule;
    this.memory = new MemoryLayer(options.rule.memoryBytes * options.memoryShare);
  }

  /** Several revisions get requests by weights. */
  isSplit = false;

  /** In force from now on. */
  apply({ cachePurges: purges = [], backends }: Pick<Route, 'cachePurges' | 'backends'>): void {
    const revisionIds = backends.map(({ revisionId }) => revisionId);
    this.isSplit = backends.filter(({ weightPercent }) => weightPercent > 0).length > 1;
    const isNew = purges.length > 0 && purges.at(-1)?.atMs !== this.#purges.at(-1)?.atMs;
    this.#purges = purges;
    this.#revisionIds = revisionIds;
    // What has left the table is of no use to anybody; what is purged is looked at again when it is found (K2).
    const kept = new Set(revisionIds);
    this.memory.sweep((primary, answer) => {
      if (!kept.has(revisionOf(primary))) return true;
      if (!isNew || !isPurged(purges, pathOf(primary), answer)) return false;
      this.counts.invalidations += 1;
      return true;
    });
  }

  ask(request: CacheAsk, turn: CacheTurn): CacheAnswer {
    const { method, header } = request;
    const isRead = method === 'GET' || method === 'HEAD';
    if (!isRead || request.hasBody) {
      this.counts.passed += 1;
      return { kind: 'fetch', errand: isUnsafe(method) ? this.#unsafe(request) : null };
    }
    const primary = primaryKey(request, request.revisionId, this.rule);
    const isOdd = header('if-match') !== null || header('if-unmodified-since') !== null;
    if (primary === null || isOdd) return this.#pass();
    const control = this.rule.honorsRequests ? header('cache-control') : null;
    const asked = { ...request, primary, directives: requestDirectives(control) };
    if (request.isEvidence) return this.#fetch(asked, null, 'bypass');
    const variant = this.memory.variant(primary, header);
    if (variant.kind === 'too-long') return this.#pass();
    const found = this.memory.find(primary, variant) ?? broughtFor(turn, header);
    const known = this.#known(primary, request.path, found);
    if (known === null) {
      const far = this.#lookFar(asked, variant.kind === 'known' ? variant.secondary : null, turn);
      if (far !== null) return { kind: 'wait', until: far };
    } else {
      const use = reuse(known.terms, asked.directives, Date.now());
      if (use.kind !== 'validate') return this.#serve(asked, known, use, turn);
      if (asked.directives.onlyIfCached) return { kind: 'not-cached' };
      return this.#waitOrFetch(asked, known, use.because, turn);
    }
    if (asked.directives.onlyIfCached) return { kind: 'not-cached' };
    return this.#waitOrFetch(
      asked,
      null,
      variant.kind === 'known' ? 'vary-miss' : 'uri-miss',
      turn,
    );
  }

  /** Of another process of this gateway, or of this one. */
  changed(authority: string, paths: readonly string[]): void {
    for (const path of paths) {
      for (const revisionId of this.#revisionIds) {
        const primary = primaryKey({ authority, path }, revisionId, this.rule);
        if (primary === null) continue;
        this.counts.invalidations += this.memory.remove(primary);
        for (const fetch of this.#fetches.get(primary) ?? []) fetch.isTainted = true;
      }
    }
  }

  isOutdated({ path, requestAtMs }: FetchErrand): boolean {
    // Its tags may be new: any purge that came since its beginning means it, if only the path fits.
    return this.#purges.some(
      ({ atMs, what }) =>
        requestAtMs <= atMs &&
        (what.kind === 'tag' || isPurged([{ atMs, what }], path, { requestAtMs, tags: [] })),
    );
  }

  store({ primary }: FetchErrand, secondary: string, answer: StoredAnswer): void {
    this.counts.stored += 1;
    this.#unshared.delete(primary);
    this.memory.put(primary, secondary, answer);
    this.#options.far?.put(primary, secondary, answer);
  }

  remove({ primary }: FetchErrand): void {
    this.memory.remove(primary);
    this.#options.far?.remove([primary]);
  }

  unshared({ primary }: FetchErrand): void {
    if (this.#unshared.size >= unsharedMax) this.#unshared.clear();
    this.#unshared.set(primary, performance.now() + unsharedMs);
  }

  ended(fetch: FetchErrand, durationMs: number | null): void {
    if (durationMs !== null) this.counts.fetched(durationMs);
    const fetches = this.#fetches.get(fetch.primary);
    fetches?.delete(fetch);
    if (fetches?.size === 0) this.#fetches.delete(fetch.primary);
  }

  #pass(): CacheAnswer {
    this.counts.passed += 1;
    return { kind: 'fetch', errand: null };
  }

  #unsafe(request: CacheAsk): Errand {
    const { authority, path } = request;
    return new UnsafeErrand({ authority, path }, (paths) => {
      this.changed(authority, paths);
      const { service } = this;
      this.#options.onChanged({ service, authority, paths });
      const keys = paths.flatMap((each) =>
        this.#revisionIds.flatMap(
          (id) => primaryKey({ authority, path: each }, id, this.rule) ?? [],
        ),
      );
      this.#options.far?.remove(keys);
    });
  }

  #known(primary: string, path: string, found: StoredAnswer | null): StoredAnswer | null {
    if (found === null || !isPurged(this.#purges, path, found)) return found;
    this.counts.invalidations += this.memory.remove(primary);
    return null;
  }

  /** Null: there is nothing more to look for. */
  #lookFar(asked: Asked, secondary: string | null, turn: CacheTurn): Promise<void> | null {
    const { far } = this.#options;
    const { primary } = asked;
    if (far === null || !far.isThere || turn.farSecondary === (secondary ?? '')) return null;
    turn.hasLookedFar = true;
    turn.farSecondary = secondary ?? '';
    const key = `far\n${primary}\n${secondary ?? ''}`;
    const known = this.#flights.get(key);
    const flight = known ?? this.#flights.begin(key);
    turn.flight = flight;
    if (known !== null) return flight.wait(far.boundMs);
    return far.get(primary, asked.keepHeaders()).then((found) => {
      if (found.kind === 'found') {
        const { answer } = found;
        flight.brought = found;
        this.memory.put(primary, found.secondary, answer);
      } else if (found.kind === 'failed') this.counts.redisFailures += 1;
      flight.land('stored');
    });
  }

  #serve(
    asked: Asked,
    known: StoredAnswer,
    found: Exclude<Reuse, { kind: 'validate' }>,
    turn: CacheTurn,
  ): CacheAnswer {
    const layer = turn.hasLookedFar && !turn.hasWaited ? 'redis' : 'memory';
    const isStale = found.kind === 'stale';
    this.counts.hit(layer, isStale);
    if (turn.hasWaited) this.counts.collapsed += 1;
    const told: CacheStatus = turn.hasWaited
      ? { kind: 'forward', because: 'uri-miss', collapsed: true }
      : { kind: 'hit', ttlMs: found.ttlMs, layer };
    const bodyBytes = known.body.byteLength;
    const { status, fields } = known;
    const served: Served = {
      answer: known,
      rendering: rendering({ status, fields, bodyBytes }, asked.header),
      ageMs: found.ageMs,
      status: cacheStatusText(told),
    };
    const isDue =
      isStale && found.revalidates && this.#flights.get(flightKey(asked, known)) === null;
    return {
      kind: 'serve',
      served,
      revalidation: isDue ? this.#lead(asked, known, 'stale') : null,
    };
  }

  #waitOrFetch(
    asked: Asked,
    known: StoredAnswer | null,
    because: Because,
    turn: CacheTurn,
  ): CacheAnswer {
    const { header, method, primary, directives } = asked;
    const asksPart = known === null && (header('range') !== null || isConditional(header));
    // What is not asked for whole does not fill the cache, and what may not be kept is not waited for.
    const isNeverFresh = known !== null && known.terms.lifetimeMs <= 0;
    const isShared = !directives.noCache && !isNeverFresh && !this.#isUnshared(primary);
    const flight = this.#flights.get(flightKey(asked, known));
    const leftMs = this.rule.waitMs - (performance.now() - turn.sinceMs);
    if (flight !== null && isShared && leftMs > 0) {
      turn.hasWaited = true;
      turn.flight = flight;
      return { kind: 'wait', until: flight.wait(leftMs) };
    }
    turn.hasWaited = false;
    if (method === 'HEAD' || asksPart || directives.noStore) {
      this.counts.misses += 1;
      return { kind: 'fetch', errand: null };
    }
    if (flight !== null || !isShared) return this.#fetch(asked, known, because);
    this.counts.misses += 1;
    return { kind: 'fetch', errand: this.#lead(asked, known, because) };
  }

  #isUnshared(primary: string): boolean {
    const untilMs = this.#unshared.get(primary);
    if (untilMs === undefined) return false;
    if (untilMs > performance.now()) return true;
    this.#unshared.delete(primary);
    return false;
  }

  /** By itself: nobody waits for it. */
  #fetch(asked: Asked, known: StoredAnswer | null, because: Because): CacheAnswer {
    if (because === 'bypass') this.counts.passed += 1;
    else this.counts.misses += 1;
    const { method, header } = asked;
    const isPart = header('range') !== null || (known === null && isConditional(header));
    if (method === 'HEAD' || isPart) return { kind: 'fetch', errand: null };
    return { kind: 'fetch', errand: this.#errand(asked, known, because, null) };
  }

  #lead(asked: Asked, known: StoredAnswer | null, because: Because): Errand {
    return this.#errand(asked, known, because, flightKey(asked, known));
  }

  #errand(
    asked: Asked,
    known: StoredAnswer | null,
    because: Because,
    leads: string | null,
  ): FetchErrand {
    const { primary, path, directives } = asked;
    const validators = known === null ? null : validatorsOf(known.fields);
    if (validators !== null) this.counts.validations += 1;
    const errand = new FetchErrand(this, {
      primary,
      path,
      directives,
      hasAuthorization: asked.header('authorization') !== null,
      header: asked.keepHeaders(),
      known,
      validators,
      because,
      flight: leads === null ? null : this.#flights.begin(leads),
    });
    const fetches = this.#fetches.get(primary) ?? new Set();
    fetches.add(errand);
    this.#fetches.set(primary, fetches);
    return errand;
  }
}

type Because = Extract<CacheStatus, { kind: 'forward' }>['because'];

interface Asked extends CacheAsk {
  readonly primary: string;
  readonly directives: ReturnType<typeof requestDirectives>;
}

/** What nobody knows yet how it is chosen is fetched once for all, and then looked for again by each. */
function flightKey({ primary, header }: Asked, known: StoredAnswer | null): string {
  const chosen = (known?.vary ?? []).map((name) => header(name) ?? '').join('\n');
  return `${primary}\n${chosen}`;
}

/** What a fetch or Redis brought for others, if this request gets it as well. */
function broughtFor({ flight }: CacheTurn, header: HeaderLookup): StoredAnswer | null {
  const brought = flight?.brought ?? null;
  if (brought === null) return null;
  return secondaryKey(brought.answer.vary, header) === brought.secondary ? brought.answer : null;
}

function isConditional(header: HeaderLookup): boolean {
  return header('if-none-match') !== null || header('if-modified-since') !== null;
}

function revisionOf(primary: string): string {
  return primary.slice(0, primary.indexOf('\n'));
}

function pathOf(primary: string): string {
  return primary.slice(primary.lastIndexOf('\n') + 1);
}
