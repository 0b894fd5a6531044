import { requestDirectives } from '../../../domain/cache/cache-control.ts';
import {
  keptPath,
  pathOfKey,
  primaryKey,
  type Resource,
  revisionOfKey,
  secondaryKey,
} from '../../../domain/cache/cache-key.ts';
import type { CachePurge, CacheRule } from '../../../domain/cache/cache-rule.ts';
import { type CacheStatus, cacheStatusText } from '../../../domain/cache/cache-status.ts';
import { isUnsafe } from '../../../domain/cache/invalidation.ts';
import { type HeaderLookup, rendering, validatorsOf } from '../../../domain/cache/preconditions.ts';
import { isPurged } from '../../../domain/cache/purge.ts';
import { type Reuse, reuse } from '../../../domain/cache/reuse.ts';
import type { Route } from '../../../domain/traffic/routing/route-table.ts';
import type { StoredAnswer } from '../../../domain/cache/stored-answer.ts';
import type { FoundAnswer } from '../../../ports/cache-store.ts';
import { CacheCounts } from './cache-counts.ts';
import { type Errand, type ErrandHome, FetchErrand, type Served } from './errand.ts';
import type { FarLayer } from './far-layer.ts';
import { farScopeOf } from './far-scope.ts';
import { type Flight, Flights } from './flights.ts';
import { MemoryLayer } from './memory-layer.ts';
import { type Bringing, UnderWay } from './under-way.ts';
import { UnsafeErrand } from './unsafe-errand.ts';

/** A request as its cache is asked about it. */
export interface CacheAsk extends Resource {
  readonly method: string;
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
 * - K2. What was fetched before a purge, or while an unsafe request to its resource was answered, is neither given nor kept, and what
 *   Redis is just asked for neither.
 * - K3. A request waits at most `waitMs` for another's fetch, and a bounded time for Redis; then it goes by itself.
 * - K4. Whatever is wrong with Redis, the request goes on as if there were none (far-layer.ts).
 * - K5. Of a revision that comes back to the table only what was fetched since is believed: nobody has told its answers of changes meanwhile.
 * - K6. What lies in Redis was kept by a rule like this one: another rule has other keys, or keeps for another time.
 */
export class RouteCache implements ErrandHome {
  readonly service: string;
  readonly rule: CacheRule;
  readonly memory: MemoryLayer;
  readonly counts = new CacheCounts();
  readonly #options: RouteCacheOptions;
  readonly #flights = new Flights();
  readonly #fetches = new UnderWay<FetchErrand>();
  readonly #lookups = new UnderWay<Bringing>();
  /** Before each key in Redis (K6). */
  readonly #farScope: string;
  /** By primary key: until when, of `performance.now()`. */
  readonly #unshared = new Map<string, number>();
  #purges: readonly CachePurge[] = [];
  /** Of the table in force, and since when their answers are believed, since the Unix epoch (K5); null: there was none yet. */
  #revisions: ReadonlyMap<string, number> | null = null;

  constructor(options: RouteCacheOptions) {
    this.#options = options;
    this.service = options.service;
    this.rule = options.rule;
    this.memory = new MemoryLayer(options.rule.memoryBytes * options.memoryShare);
    this.#farScope = farScopeOf(options.rule);
  }

  /** Several revisions get requests by weights. */
  isSplit = false;

  /** In force from now on. */
  apply({ cachePurges = [], backends }: Pick<Route, 'cachePurges' | 'backends'>): void {
    const before = this.#revisions;
    const nowMs = Date.now();
    const revisions = new Map(
      backends.map(({ revisionId }) => [
        revisionId,
        before === null ? 0 : (before.get(revisionId) ?? nowMs),
      ]),
    );
    const purges = cachePurges.map((purge) => asKept(purge, this.rule));
    this.isSplit = backends.filter(({ weightPercent }) => weightPercent > 0).length > 1;
    const isNew = purges.length > 0 && purges.at(-1)?.atMs !== this.#purges.at(-1)?.atMs;
    this.#purges = purges;
    this.#revisions = revisions;
    // What has left the table is of no use to anybody; what is purged is looked at again when it is found (K2).
    this.memory.sweep((primary, answer) => {
      if (!revisions.has(revisionOfKey(primary))) return true;
      if (!isNew || !isPurged(purges, pathOfKey(primary), answer)) return false;
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
    const known = this.#known(primary, found);
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
    const primaries = this.#primariesOf(authority, paths);
    for (const primary of primaries) {
      this.counts.invalidations += this.memory.remove(primary);
      this.#fetches.taint(primary);
      this.#lookups.taint(primary);
    }
    // By each process that hears of it: one of them may just have put there what it had fetched before.
    this.#options.far?.remove(primaries.map((primary) => this.#farKey(primary)));
  }

  isOutdated({ primary, requestAtMs }: FetchErrand): boolean {
    const path = pathOfKey(primary);
    if (!this.#isBelieved(primary, requestAtMs)) return true;
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
    this.#options.far?.put(this.#farKey(primary), secondary, answer);
  }

  remove({ primary }: FetchErrand): void {
    this.memory.remove(primary);
    this.#options.far?.remove([this.#farKey(primary)]);
  }

  unshared({ primary }: FetchErrand): void {
    if (this.#unshared.size >= unsharedMax) this.#unshared.clear();
    this.#unshared.set(primary, performance.now() + unsharedMs);
  }

  ended(fetch: FetchErrand, durationMs: number | null): void {
    if (durationMs !== null) this.counts.fetched(durationMs);
    this.#fetches.end(fetch.primary, fetch);
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
    });
  }

  /** Of every revision, over http and https. */
  #primariesOf(authority: string, paths: readonly string[]): readonly string[] {
    const revisionIds = [...(this.#revisions?.keys() ?? [])];
    return paths.flatMap((path) =>
      (['http', 'https'] as const).flatMap((scheme) =>
        revisionIds.flatMap((id) => primaryKey({ scheme, authority, path }, id, this.rule) ?? []),
      ),
    );
  }

  #farKey(primary: string): string {
    return `${this.#farScope}\n${primary}`;
  }

  #known(primary: string, found: StoredAnswer | null): StoredAnswer | null {
    if (found === null) return null;
    const isGone = isPurged(this.#purges, pathOfKey(primary), found);
    if (!isGone && this.#isBelieved(primary, found.requestAtMs)) return found;
    this.counts.invalidations += this.memory.remove(primary);
    return null;
  }

  /** K5. */
  #isBelieved(primary: string, requestAtMs: number): boolean {
    const sinceMs = this.#revisions?.get(revisionOfKey(primary));
    return sinceMs !== undefined && requestAtMs > sinceMs;
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
    const lookup: Bringing = { isTainted: false };
    this.#lookups.begin(primary, lookup);
    return far.get(this.#farKey(primary), asked.keepHeaders()).then((found) => {
      this.#lookups.end(primary, lookup);
      if (found.kind === 'found') this.#foundFar(primary, found, lookup, flight);
      else if (found.kind === 'failed') this.counts.redisFailures += 1;
      flight.land('stored');
    });
  }

  #foundFar(primary: string, found: FoundAnswer, lookup: Bringing, flight: Flight): void {
    const { secondary, answer } = found;
    // Read before it was removed there.
    if (lookup.isTainted || answer.body.byteLength > this.rule.entryBytesMax) return;
    flight.brought = { secondary, answer };
    this.memory.put(primary, secondary, answer);
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
    const { primary, directives } = asked;
    const validators = known === null ? null : validatorsOf(known.fields);
    if (validators !== null) this.counts.validations += 1;
    const errand = new FetchErrand(this, {
      primary,
      directives,
      hasAuthorization: asked.header('authorization') !== null,
      header: asked.keepHeaders(),
      known,
      validators,
      because,
      flight: leads === null ? null : this.#flights.begin(leads),
    });
    this.#fetches.begin(primary, errand);
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

/** By the path that keys have. */
function asKept(purge: CachePurge, { ignoreQuery }: CacheRule): CachePurge {
  const { what } = purge;
  if (what.kind !== 'path' || what.path.endsWith('*')) return purge;
  return { ...purge, what: { kind: 'path', path: keptPath(what.path, ignoreQuery) } };
}
