import { pickInstance } from '../../domain/traffic/resilience/balance.ts';
import { ClientVotes } from '../../domain/traffic/samples/client-votes.ts';
import { RetryBudget } from '../../domain/traffic/resilience/retry-budget.ts';
import { isRetry, otherStratum, stratumIndex } from '../../domain/traffic/samples/request-class.ts';
import { previewHost } from '../../domain/traffic/routing/preview.ts';
import {
  hostOf,
  matchedRevision,
  readyRevisionMatches,
} from '../../domain/traffic/routing/route-choice.ts';
import type { RequestHeaders } from '../../domain/traffic/routing/request-match.ts';
import type { Route, RouteTable } from '../../domain/traffic/routing/route-table.ts';
import { type Random, seededRandom } from '../../domain/traffic/seeded-random.ts';
import { nextIndex, splitOf } from '../../domain/traffic/routing/split.ts';
import { StickyChoice } from '../../domain/traffic/routing/sticky.ts';
import { type SetAside, setAsides } from '../../domain/traffic/samples/traffic-sample.ts';
import { EvidenceTurns } from './cache/evidence-turns.ts';
import { Caches } from './cache/caches.ts';
import type { RouteCache } from './cache/route-cache.ts';
import type { CounterKey, Counters } from './counters.ts';
import { AccessCounts } from './metrics/access-counts.ts';
import type { RevisionStanding } from './metrics/resilience-metrics.ts';
import type { CallerPeer } from './identity/caller-peer.ts';
import { type AccessNote, RouteAuthorization } from './identity/route-authorization.ts';
import { mtlsRefusal } from './identity/mtls-refusal.ts';
import { RouteIdentity } from './identity/route-identity.ts';
import { type Buckets, OwnBuckets } from './limits/buckets.ts';
import { limitScopes, RouteLimits } from './limits/route-limits.ts';
import { Treatments } from './treatment.ts';
import { newRevision, originOf, type ServingPlace, setRevision } from './live-revision.ts';
import {
  type Choice,
  firstSetAside,
  firstStratum,
  type Lane,
  type LaneInstance,
  lanesIndex,
  type LiveRoute,
  matchedClass,
  revisionIn,
  shareOf,
} from './live-route.ts';
import { type AwaitedPlace, failingRefusal, WaitingRequests } from './waking/waiting-requests.ts';

export type { Target } from './live-revision.ts';
export type { Choice } from './live-route.ts';

export interface LiveRoutesOptions {
  /** This process's among those that split the same traffic, see splitOf. */
  readonly phase?: number;
  readonly place?: ServingPlace;
  /** Of rate limits; absent: this process has its own. */
  readonly buckets?: Buckets;
  /** Absent: this process has its own, and no Redis. */
  readonly caches?: Caches;
}

/** What of a request decides where it goes and how it is counted; node:http's is one. */
export interface RoutedRequest {
  readonly method?: string | undefined;
  readonly headers: RequestHeaders;
  readonly socket: {
    readonly remoteAddress?: string | undefined;
    /** See `peerIdentityOf`. */
    readonly peer?: CallerPeer | null;
  };
  /** It has waited for this; null or absent: it comes for the first time. */
  readonly awaited?: AwaitedPlace | null;
}

/**
 * The table in force with what it needs between two requests: what each backend is owed, whose turn it is, and which clients
 * have had their vote. Knows nothing of HTTP machinery, so any engine can ask it. A table is switched in one synchronous
 * step (port: nothing or all of it is in force).
 *
 * - L1. Whether a request is evidence is known before its backend is chosen, and never depends on it or on any outcome.
 * - L2. Requests that are set aside are split by the same weights with a turn of their own. If they took turns with the rest, a
 *   caller that repeats what failed would move everybody's turn: at 50:50, one caller, and a dead candidate, each
 *   retry goes to stable and each first attempt to the candidate.
 * - L3. A counter is made with the first request of its class; an instance has `firstStratum` of them, and one for each
 *   stratum and `other`, at most. A request after that makes no garbage here.
 * - L4. Where a route is sticky the key decides in place of the turns, which go on as if that request had not been. A match is
 *   asked before.
 * - L6. Where a route with a cache is split, what its weights send is evidence only if it passes the cache by (EvidenceTurns).
 * - L5. A preview host is another name of its route, where everybody is matched to the standby; a route of that host goes before it.
 * - L6. A request that has waited for an instance goes where it waited to go, without another turn, vote or token.
 */
export class LiveRoutes {
  readonly #counters: Counters;
  readonly #votesKey: readonly [number, number];
  readonly #phase: number;
  #votes: ClientVotes | null = null;
  #hosts = new Map<string, LiveRoute>();
  /** The same routes as seen from their preview hosts. */
  readonly #previews = new Map<string, LiveRoute>();
  /** Routes by authority as callers write it. */
  readonly #authorities = new Map<string, LiveRoute>();
  #table: RouteTable | null = null;
  #hasIdentities = false;
  /** Of all tables. */
  readonly access = new AccessCounts();
  /**
   * Of the request that was chosen for last: it would have been refused; null: it would not. Who goes on with a choice after
   * a wait puts here what stood here then.
   */
  audited: AccessNote | null = null;
  /** For choices between instances, and waits. */
  readonly random: Random;
  /** For revisions that are asleep. */
  readonly waiting: WaitingRequests;
  readonly #place: ServingPlace;
  readonly #buckets: Buckets;
  readonly #caches: Caches;
  #hasCaches = false;
  /** When the request came that is dealt with now. */
  #nowMs = 0;
  /** Where it has waited to go; null: nowhere. */
  #awaited: AwaitedPlace | null = null;

  /** `votesKey` is random and of this gateway only, see ClientVotes. */
  constructor(
    counters: Counters,
    votesKey: readonly [number, number],
    { phase = 0, place = {}, buckets = new OwnBuckets(), caches }: LiveRoutesOptions = {},
  ) {
    this.#counters = counters;
    this.#votesKey = votesKey;
    this.#phase = phase;
    this.#place = place;
    this.#buckets = buckets;
    this.waiting = new WaitingRequests(place.processShare);
    this.#caches = caches ?? new Caches({ processShare: place.processShare ?? 1, far: null });
    // Only which of two instances is looked at depends on it.
    this.random = seededRandom(votesKey[0] + phase);
  }

  get table(): RouteTable | null {
    return this.#table;
  }

  /** The table has been checked. One that is not newer than the table in force changes nothing. */
  apply(table: RouteTable): void {
    if (this.#table !== null && table.version <= this.#table.version) return;
    const before = this.#hosts;
    this.#hosts = new Map();
    this.#authorities.clear();
    this.#previews.clear();
    this.#caches.apply(table.routes);
    for (const route of table.routes) {
      const live = this.#live(route, before.get(route.host) ?? null);
      this.#hosts.set(route.host, live);
      if (route.previewRevisionId === undefined) continue;
      const preview = { ...live, standbyIndex: lanesIndex(live, route.previewRevisionId) };
      this.#previews.set(previewHost(route.host), preview);
    }
    for (const [host, live] of before) this.#leave(live, this.#hosts.get(host) ?? null);
    this.#hasIdentities = [...this.#hosts.values()].some(({ identity }) => identity !== null);
    this.#hasCaches = [...this.#hosts.values()].some(({ cache }) => cache !== null);
    this.#buckets.retain(new Set(table.routes.flatMap(limitScopes)));
    this.#table = table;
  }

  /** Whether `pending` has to be asked at all. */
  get asksTokens(): boolean {
    return this.#hasIdentities;
  }

  /** Whether `cacheOf` has to be asked at all. */
  get hasCaches(): boolean {
    return this.#hasCaches;
  }

  /** Null: no answer to this host is kept. */
  cacheOf(authority: string): RouteCache | null {
    return this.#liveOf(authority)?.cache ?? null;
  }

  /** What `choose` has to wait for, asked for each request before it; null: nothing. Never rejects. */
  pending(
    authority: string | undefined,
    path: string,
    request: RoutedRequest,
  ): Promise<void> | null {
    const identity = this.#liveOf(authority)?.identity ?? null;
    return identity === null ? null : identity.pending(path, request, Date.now());
  }

  /** `nowMs` is on any clock that does not go back. */
  choose(
    authority: string | undefined,
    path: string,
    request: RoutedRequest,
    nowMs: number,
  ): Choice {
    const live = this.#liveOf(authority);
    if (live === undefined) return { kind: 'unknown-host' };
    this.#nowMs = nowMs;
    this.audited = null;
    this.#awaited = request.awaited ?? null;
    if (live.mtls !== null) {
      const refusal = mtlsRefusal(live.mtls, request);
      if (refusal !== null) return { kind: 'unidentified', refusal };
    }
    if (live.identity !== null) {
      const refusal = live.identity.refusal(path, request, Date.now());
      if (refusal !== null) return { kind: 'unidentified', refusal };
    }
    if (live.authorization !== null) {
      const isAsked = live.authorization.goesByClaims && live.identity !== null;
      const claims = isAsked ? live.identity.claimLists(path, request, Date.now()) : null;
      const outcome = live.authorization.outcome(path, request, claims);
      if (outcome?.kind === 'refused') return { kind: 'unidentified', refusal: outcome.refusal };
      this.audited = outcome?.note ?? null;
    }
    if (live.limits === null) return this.#treated(live, path, request);
    const { method, headers, socket } = request;
    const claims = live.identity?.claims(path, request, Date.now()) ?? null;
    const over =
      this.#awaited === null
        ? live.limits.before(path, { method, headers, socket, claims }, nowMs)
        : null;
    if (over !== null) return over;
    const choice = this.#treated(live, path, request);
    if (choice.kind !== 'target') return choice;
    const standing = live.limits.after(choice.target.revisionId, nowMs);
    if (standing === null) return choice;
    return 'kind' in standing ? standing : { ...choice, standing };
  }

  #treated(live: LiveRoute, path: string, request: RoutedRequest): Choice {
    const nowMs = this.#nowMs;
    live.budget.earn(nowMs);
    const choice = this.#choose(live, path, request, nowMs);
    if (live.treatments === null || choice.kind !== 'target') return choice;
    const treatment = live.treatments.of(path, request, choice.target, nowMs);
    if (treatment === null) return choice;
    const requestTimeoutMs = treatment.timeouts?.requestMs ?? choice.requestTimeoutMs;
    const counter = treatment.fault?.counter ?? null;
    const target = counter === null ? choice.target : { ...choice.target, counter };
    return { kind: 'target', target, requestTimeoutMs, treatment, standing: null };
  }

  /** What hosts are called is looked into once for each way to write it. */
  #liveOf(authority: string | undefined): LiveRoute | undefined {
    if (authority === undefined) return undefined;
    const known = this.#authorities.get(authority);
    if (known !== undefined) return known;
    const host = hostOf(authority);
    const live = host === null ? undefined : (this.#hosts.get(host) ?? this.#previews.get(host));
    // Ways that lead nowhere are not kept: callers can think of as many as they like, and of many for one host.
    if (live !== undefined && this.#authorities.size < authoritiesMax) {
      this.#authorities.set(authority, live);
    }
    return live;
  }

  #choose(live: LiveRoute, path: string, request: RoutedRequest, nowMs: number): Choice {
    const { route, standbyIndex } = live;
    const awaited = this.#awaited;
    // A revision that has left the table meanwhile is nowhere to go: then it is split as others are.
    const awaitedIndex = awaited === null ? -1 : lanesIndex(live, awaited.revisionId);
    if (awaited !== null && awaitedIndex >= 0) {
      return this.#targetIn(live, awaitedIndex, awaited.requestClass);
    }
    if (standbyIndex !== null) return this.#targetIn(live, standbyIndex, matchedClass);
    const matched = matchedRevision(live.matches, path, request);
    if (matched !== null) return this.#targetIn(live, lanesIndex(live, matched), matchedClass);
    const setAside = this.#setAside(live, request, nowMs);
    const stuck =
      live.sticky === null ? -1 : live.sticky.index(request, request.socket.remoteAddress);
    if (setAside !== null) {
      const setAsideClass = firstSetAside + setAsides.indexOf(setAside);
      return this.#targetIn(live, stuck < 0 ? nextIndex(live.setAsideSplit) : stuck, setAsideClass);
    }
    if (live.evidenceTurns?.isSpared(request) === true) {
      return this.#targetIn(live, stuck < 0 ? nextIndex(live.setAsideSplit) : stuck, matchedClass);
    }
    const { strata = [] } = route;
    const stratum = strata.length === 0 ? 0 : stratumIndex(strata, path, request);
    return this.#targetIn(live, stuck < 0 ? nextIndex(live.split) : stuck, firstStratum + stratum);
  }

  /** Votes for the other processes of this gateway, see ClientVotes. */
  takeVotes(): readonly number[] {
    return this.#votes?.takeNews() ?? [];
  }

  learnVotes(votes: readonly number[], nowMs: number): void {
    this.#votes?.learn(votes, nowMs);
  }

  /** Every revision in the table, with what its circuit and its instances are doing. */
  standings(): readonly RevisionStanding[] {
    return [...this.#hosts.values()].flatMap(({ route: { service }, lanes }) =>
      lanes.map(({ revisionId, revision }) => ({ service, revisionId, revision })),
    );
  }

  /** Origins that may get a request now. */
  origins(): ReadonlySet<string> {
    const origins = new Set<string>();
    for (const { lanes } of this.#hosts.values()) {
      for (const { instances } of lanes) for (const { origin } of instances) origins.add(origin);
    }
    return origins;
  }

  /** Revisions in the table without an instance, whose requests may wait for one. */
  asleep(): ReadonlySet<string> {
    const lanes = [...this.#hosts.values()].flatMap((live) => live.lanes);
    const sleeping = lanes.filter(({ instances, wake }) => {
      return instances.length === 0 && wake !== null && wake.isFailing !== true;
    });
    return new Set(sleeping.map(({ revisionId }) => revisionId));
  }

  #setAside(
    { route, votesSalt }: LiveRoute,
    request: RoutedRequest,
    nowMs: number,
  ): SetAside | null {
    if (isRetry(request.headers)) return 'retry';
    const { oneVotePer } = route;
    if (oneVotePer === undefined || this.#votes === null) return null;
    const { client, windowMs } = oneVotePer;
    const named = client.kind === 'header' ? request.headers[client.name] : undefined;
    const address = request.socket.remoteAddress ?? '';
    const who = named === undefined ? address : typeof named === 'string' ? named : named.join();
    return this.#votes.cast(who, votesSalt, nowMs, windowMs);
  }

  #targetIn(live: LiveRoute, laneIndex: number, requestClass: number): Choice {
    const lane = live.lanes[laneIndex];
    if (lane === undefined) {
      throw new Error(`no backend for ${live.route.host}: the table was not checked`);
    }
    const instance = lane.instances[pickInstance(lane.revision.balance, this.#nowMs, this.random)];
    if (instance === undefined) return this.#withoutInstance(live, lane, requestClass);
    return instance.choices[requestClass] ?? this.#firstChoice(live, lane, instance, requestClass);
  }

  #withoutInstance({ route }: LiveRoute, lane: Lane, requestClass: number): Choice {
    const { revisionId, wake: rule } = lane;
    const counter = this.#counters.counter(this.#keyOf(route, lane, '', requestClass));
    if (rule === null) return { kind: 'no-endpoints', revisionId, counter };
    if (rule.isFailing === true) {
      return { kind: 'unwoken', refusal: failingRefusal(revisionId), counter };
    }
    const sinceMs = this.#awaited?.sinceMs ?? this.#nowMs;
    const { service } = route;
    const place = { service, revisionId, requestClass, rule, counter, sinceMs };
    return { kind: 'asleep', place };
  }

  /** Of the first request of its class; those after it get the same. */
  #firstChoice(
    { route }: LiveRoute,
    lane: Lane,
    { index, endpoint, origin, choices }: LaneInstance,
    requestClass: number,
  ): Choice {
    const key = this.#keyOf(route, lane, endpoint.instanceId, requestClass);
    const counter = this.#counters.counter(key);
    const { revision, revisionId } = lane;
    const instance = revision.balance.instances[index];
    if (instance === undefined) throw new Error(`${endpoint.instanceId} is not balanced`);
    const target = { revisionId, endpoint, origin, counter, instance, revision };
    const { requestTimeoutMs } = route;
    const choice = {
      kind: 'target',
      target,
      requestTimeoutMs,
      treatment: null,
      standing: null,
    } as const;
    choices[requestClass] = choice;
    return choice;
  }

  #keyOf(
    { service, strata = [] }: Route,
    { revisionId }: Lane,
    instanceId: string,
    requestClass: number,
  ): CounterKey {
    const isMatched = requestClass === matchedClass;
    const setAside = setAsides[requestClass - firstSetAside] ?? null;
    const isEvidence = requestClass >= firstStratum;
    const stratum =
      strata.length === 0 || !isEvidence
        ? null
        : (strata[requestClass - firstStratum]?.name ?? otherStratum);
    return { service, revisionId, instanceId, isMatched, stratum, setAside };
  }

  /** What is under way to a revision that has left the table finds no other instance of it any more. */
  #leave({ route, lanes }: LiveRoute, now: LiveRoute | null): void {
    for (const { revisionId, revision } of lanes) {
      if (revisionIn(now, revisionId) === null) setRevision(revision, route, [], this.#place);
    }
  }

  #live(route: Route, before: LiveRoute | null): LiveRoute {
    const { service, backends, strata = [], oneVotePer } = route;
    if (oneVotePer !== undefined) this.#votes ??= new ClientVotes(this.#votesKey);
    const classCount = firstStratum + strata.length + 1;
    const budget = before?.budget ?? new RetryBudget(this.#place.processShare);
    const lanes = backends.map(({ revisionId, endpoints, wake = null }) => {
      const revision = revisionIn(before, revisionId) ?? newRevision(budget);
      setRevision(revision, route, endpoints, this.#place);
      const instances = endpoints.map((endpoint, index) => ({
        index,
        endpoint,
        origin: originOf(endpoint),
        choices: Array.from({ length: classCount }, () => null),
      }));
      return { revisionId, revision, instances, wake };
    });
    const shares = backends.map(shareOf);
    const split = splitOf(shares, before?.split ?? null, this.#phase);
    return {
      route,
      lanes,
      budget,
      split,
      matches: readyRevisionMatches(route.matches),
      sticky: route.sticky === undefined ? null : new StickyChoice(route.sticky, split.permille),
      treatments: Treatments.of(
        route,
        this.#counters,
        this.#phase + 0.5,
        before?.treatments ?? null,
      ),
      setAsideSplit: splitOf(shares, before?.setAsideSplit ?? null, this.#phase),
      mtls: route.policy?.mtls ?? null,
      identity: RouteIdentity.of(route, before?.identity ?? null),
      authorization: RouteAuthorization.of(route, this.access),
      limits: RouteLimits.of(route, this.#buckets),
      cache: this.#caches.get(service),
      evidenceTurns: EvidenceTurns.of(route, before?.evidenceTurns ?? null, this.#phase + 0.5),
      votesSalt: this.#votes?.saltOf(service) ?? 0,
      standbyIndex: null,
    };
  }
}

const authoritiesMax = 4096;
