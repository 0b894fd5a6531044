import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { CompatFaults, noteFault } from './fault.ts';
import { HedgeNotice } from './hedges.ts';
import { CompatMirrors } from './mirror.ts';
import { type AskedCompat, askCompat, giveStored, withValidators } from './caching.ts';
import { counterOf } from '../cache/cached-place.ts';
import { CompatRevalidation } from './revalidation.ts';
import type { Errand, Served as StoredServed } from '../cache/errand.ts';
import { type Counter, noAnswer } from '../counters.ts';
import type { Address } from '../data-plane.ts';
import type { AccessLog } from '../access-log/access-log.ts';
import { CallerAdmission } from '../caller-admission.ts';
import type { CallerLimits } from '../caller-limits.ts';
import { EndpointPools } from './endpoint-pools.ts';
import { type Exchange, Forward } from './forward.ts';
import { destination, requestHeaders } from '../forwarded-headers.ts';
import type { GatewayIdentity } from '../identity/gateway-identity.ts';
import type { GatewayMetrics } from '../metrics/gateway-metrics.ts';
import { circuitRefusal } from '../live-revision.ts';
import { listening } from '../listening.ts';
import type { Choice, LiveRoutes } from '../live-routes.ts';
import { answerProblem, problemResponse } from '../problem.ts';
import { RequestObservation } from './request-observation.ts';
import { notCached, overLimitsRefusal, refusal, type Refusal, tooLarge } from '../refusal.ts';
import { bodyBytesMaxOf } from '../treatment.ts';
import { boundTaking, usualTakeMs } from './slow-caller.ts';
import { openTunnel, wantsTunnel } from './tunnel.ts';
import type { AwaitedPlace } from '../waking/waiting-requests.ts';

/** What moves the bytes. Another engine takes this one's place behind the same routes and counters. */
export interface Engine {
  /** Rejects with the system's error (EADDRINUSE) when it cannot listen. */
  listen(address: Address): Promise<AddressInfo>;
  /** The table was switched: connections to origins that are gone are closed after their last request. */
  routesChanged(): void;
  /** Takes no new connection, finishes what is under way within `boundMs`, then cuts what is left. */
  drain(boundMs: number): Promise<void>;
}

export interface HttpEngineOptions {
  readonly metrics: GatewayMetrics;
  /** Null: there is none. */
  readonly accessLog: AccessLog | null;
  readonly callerLimits: CallerLimits;
  /** Who the gateway is towards instances that ask; absent: nobody. Callers have no TLS in this engine. */
  readonly identity?: GatewayIdentity | null;
  /** How long a caller may take nothing of its answer. */
  readonly takeMs?: number;
  readonly log?: (message: string) => void;
}

/** HTTP/1.1 by node:http towards callers and undici towards instances. */
export class HttpEngine implements Engine {
  readonly #routes: LiveRoutes;
  readonly #hedges: HedgeNotice;
  readonly #metrics: GatewayMetrics;
  readonly #accessLog: AccessLog | null;
  readonly #limits: CallerLimits;
  readonly #takeMs: number;
  /** Their requests are not served, should they come all the same. */
  readonly #refused = new WeakSet<Duplex>();
  readonly #identity: GatewayIdentity | null;
  readonly #pools: EndpointPools;
  readonly #mirrors: CompatMirrors;
  readonly #faults: CompatFaults;
  readonly #server: Server;
  readonly #tunnels = new Set<Duplex>();
  readonly #underWay = new Set<ServerResponse>();
  #isDraining = false;
  #revalidations = 0;

  constructor(routes: LiveRoutes, options: HttpEngineOptions) {
    const { metrics, accessLog, callerLimits, takeMs = usualTakeMs, identity = null } = options;
    this.#routes = routes;
    this.#hedges = new HedgeNotice(options.log ?? (() => {}));
    this.#metrics = metrics;
    this.#accessLog = accessLog;
    this.#limits = callerLimits;
    this.#takeMs = takeMs;
    this.#identity = identity;
    this.#pools = new EndpointPools(identity);
    this.#mirrors = new CompatMirrors(this.#pools);
    this.#faults = new CompatFaults(metrics);
    const admission = new CallerAdmission({ limits: callerLimits, metrics, accessLog });
    if (accessLog !== null) metrics.addSource(() => accessLog.families());
    this.#server = createServer({
      // A head must be there within 10 s (slow callers), a whole request within 5 min; idle connections stay 75 s.
      headersTimeout: 10_000,
      requestTimeout: 300_000,
      keepAliveTimeout: 75_000,
      connectionsCheckingInterval: 2000,
      maxHeaderSize: 16_384,
      insecureHTTPParser: false,
      noDelay: true,
      shouldUpgradeCallback: wantsTunnel,
    });
    // Zero is no limit: node:http drops headers beyond it silently. `refusal` counts them.
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = admission.serverConnectionsMax;
    this.#server.maxRequestsPerSocket = callerLimits.requestsPerConnection;
    this.#server.on('connection', (socket) => {
      if (!admission.admit(socket, 'http')) this.#refused.add(socket);
    });
    this.#server.on('drop', () => metrics.refused('too-many-connections'));
    this.#server.on('request', (request, response) => {
      this.#afterCheck(request, (sinceMs) => this.#serve({ request, response, sinceMs }, false));
    });
    this.#server.on('checkContinue', (request, response) => {
      this.#afterCheck(request, (sinceMs) => this.#serve({ request, response, sinceMs }, true));
    });
    this.#server.on('upgrade', (request, socket, head) => {
      this.#afterCheck(request, () => this.#upgrade(request, socket, head));
    });
  }

  listen({ host, port, isShared = false }: Address): Promise<AddressInfo> {
    return listening(this.#server, { host, port, backlog: 4096, reusePort: isShared });
  }

  routesChanged(): void {
    this.#pools.retain(this.#routes.origins());
    if (this.#routes.table !== null) this.#hedges.tell(this.#routes.table);
  }

  async drain(boundMs: number): Promise<void> {
    this.#isDraining = true;
    for (const response of this.#underWay) response.shouldKeepAlive = false;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    const until = performance.now() + boundMs;
    const sweep = setInterval(() => {
      this.#server.closeIdleConnections();
      const isOver = performance.now() >= until;
      // Tunnels have no end of their own; they are cut when the last request has ended.
      if (isOver || this.#underWay.size === 0) for (const tunnel of this.#tunnels) tunnel.destroy();
      if (isOver) this.#server.closeAllConnections();
    }, 20);
    await closed;
    clearInterval(sweep);
    await this.#pools[Symbol.asyncDispose]();
    await this.#accessLog?.[Symbol.asyncDispose]();
  }

  /** Of its token, if the route asks for one that is not known yet; `goOn` hears when the request came. */
  #afterCheck(request: IncomingMessage, goOn: (sinceMs: number) => void): void {
    const sinceMs = performance.now();
    const { authority, path } = destination(request);
    const isAsked = this.#routes.asksTokens && refusal(request) === null;
    const pending = isAsked ? this.#routes.pending(authority, path, request) : null;
    if (pending === null) goOn(sinceMs);
    else void pending.then(() => goOn(sinceMs));
  }

  #serve({ request, response, sinceMs }: Come, expectsContinue: boolean): void {
    if (this.#refused.has(request.socket)) return;
    const told = { metrics: this.#metrics, accessLog: this.#accessLog, startedMs: sinceMs };
    const observation = new RequestObservation(request, response, told);
    this.#underWay.add(response);
    boundTaking(response, this.#takeMs, () => {
      observation.isTooSlow = true;
    });
    response.on('close', () => this.#underWay.delete(response));
    // A caller that is gone is seen by 'close'; writes that come too late must not end the process.
    response.on('error', () => {});
    if (this.#isDraining) response.shouldKeepAlive = false;
    this.#route({ request, response, expectsContinue, observation });
  }

  /** Again with `awaited` when it has waited for an instance. */
  #route(served: Served): void {
    const { request, awaited } = served;
    const { authority, path } = destination(request);
    const nowMs = performance.now();
    const wanted = { authority, path, awaited };
    const isCached = this.#routes.hasCaches && refusal(request) === null;
    const cache = isCached ? this.#routes.cacheOf(authority ?? '') : null;
    if (cache === null) {
      this.#go(served, this.#choose(request, wanted, nowMs), null);
      return;
    }
    const routed = awaited === undefined ? request : routedOf(request, awaited);
    const ofCache = { request, routed, authority: authority ?? '', path };
    void askCompat(this.#routes, cache, ofCache, nowMs).then((found) =>
      this.#afterCache(served, wanted, found),
    );
  }

  #afterCache(asked: Served, { authority, path }: Wanted, found: AskedCompat): void {
    const { choice, audited, answer } = found;
    const { request, response, observation } = asked;
    const errand = answer?.kind === 'fetch' ? answer.errand : null;
    if (answer?.kind === 'serve' && answer.revalidation !== null) {
      this.#revalidate(answer.revalidation, { request, authority, path }, choice);
    }
    if (response.destroyed) {
      errand?.failed();
      return;
    }
    const give = (served: StoredServed): void => {
      observation.counter = counterOf(choice);
      observation.access = audited;
      observation.responseBodyBytes = giveStored({ request, response }, served, choice);
    };
    if (answer?.kind === 'serve') {
      give(answer.served);
      return;
    }
    if (answer?.kind === 'not-cached') {
      answerProblem(request, response, notCached);
      return;
    }
    this.#routes.audited = audited;
    const taken = this.#taken(choice, authority);
    const standIn = taken.kind === 'target' ? null : (errand?.failed() ?? null);
    if (standIn === null || taken.kind !== 'refused') this.#go(asked, taken, errand);
    else give(standIn);
  }

  #revalidate(
    errand: Errand,
    { request, authority, path }: Pick<Served, 'request'> & Omit<Wanted, 'awaited'>,
    choice: Choice,
  ): void {
    const pool = choice.kind === 'target' ? this.#pools.pool(choice.target) : null;
    if (pool === null || choice.kind !== 'target' || this.#revalidations >= revalidationsMax) {
      errand.failed();
      return;
    }
    this.#revalidations += 1;
    const { target, requestTimeoutMs } = choice;
    const handler = new CompatRevalidation(target, errand, requestTimeoutMs, () => {
      this.#revalidations -= 1;
    });
    try {
      const headers = withValidators(requestHeaders(request, authority ?? ''), errand);
      pool.dispatch({ path, method: 'GET', headers }, handler);
    } catch {
      // undici refuses what it can't send; the answer stays as it is.
      handler.failed();
    }
  }

  #go(served: Served, choice: ServedChoice, errand: Errand | null): void {
    const { request, response, observation, expectsContinue } = served;
    const { authority, path } = destination(request);
    // What it waited for before is not its instance's time.
    const startedMs = performance.now();
    if (choice.kind === 'asleep') {
      const { place } = choice;
      observation.counter = place.counter;
      this.#wait(place, response, (refusal) => {
        if (refusal === null) this.#route({ ...served, awaited: place });
        else answerProblem(request, response, refusal);
      });
      return;
    }
    if (choice.kind === 'refused') {
      observation.counter = choice.counter;
      observation.access = choice.refusal.access ?? null;
      answerProblem(request, response, choice.refusal);
      return;
    }
    const { target, requestTimeoutMs, treatment, standing } = choice;
    observation.access = this.#routes.audited;
    const bodyBytesMax = bodyBytesMaxOf(treatment, this.#limits.requestBodyBytes);
    if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax) {
      observation.counter = target.counter;
      errand?.failed();
      answerProblem(request, response, tooLarge(bodyBytesMax));
      return;
    }
    observation.counter = target.counter;
    target.counter.underWay += 1;
    response.on('close', () => {
      target.counter.underWay -= 1;
    });
    const known = { request, response, path, authority: authority ?? '', requestTimeoutMs };
    const all = {
      ...known,
      errand,
      observation,
      bodyBytesMax,
      target,
      treatment,
      standing,
      startedMs,
    };
    const fault = treatment?.fault ?? null;
    if (fault === null) {
      this.#forward({ ...all, expectsContinue });
      return;
    }
    noteFault(observation, fault);
    const faulted = { fault, target, startedMs };
    this.#faults.afterDelay(faulted, response, () => {
      if (!this.#faults.abort(faulted, request, response))
        this.#forward({ ...all, expectsContinue });
    });
  }

  /** Nothing of its body is read meanwhile but what node:http has. */
  #wait(
    place: AwaitedPlace,
    caller: ServerResponse | Duplex,
    goOn: (refusal: Refusal | null) => void,
  ): void {
    const waiter = this.#routes.waiting.wait(place, keptBytes, (refusal) => {
      caller.off('close', leave);
      goOn(refusal);
    });
    const leave = (): void => {
      if ('leave' in waiter) waiter.leave();
    };
    if ('leave' in waiter) caller.once('close', leave);
    else goOn(waiter);
  }

  #forward(served: Omit<Exchange, 'copy'>): void {
    const { response, treatment } = served;
    const shadow = treatment?.shadow ?? null;
    const copy = shadow === null ? null : this.#mirrors.copy(served, shadow);
    if (copy !== null) response.on('close', () => copy.letGo());
    const means = { pools: this.#pools, random: this.#routes.random, metrics: this.#metrics };
    new Forward({ ...served, copy }, means).start();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#refused.has(socket)) return;
    socket.on('error', () => socket.destroy());
    this.#routeTunnel({ request, socket, head });
  }

  #routeTunnel(tunnel: {
    readonly request: IncomingMessage;
    readonly socket: Duplex;
    readonly head: Buffer;
    readonly awaited?: AwaitedPlace;
  }): void {
    const { request, socket, head, awaited } = tunnel;
    const startedMs = performance.now();
    const identity = this.#identity;
    const { authority, path } = destination(request);
    const choice = this.#choose(request, { authority, path, awaited }, startedMs);
    if (choice.kind === 'asleep') {
      const { place } = choice;
      this.#wait(place, socket, (refusal) => {
        if (refusal === null) {
          this.#routeTunnel({ ...tunnel, awaited: place });
          return;
        }
        this.#metrics.refused(refusal.reason);
        socket.end(problemResponse(refusal));
      });
      return;
    }
    if (choice.kind === 'refused') {
      this.#metrics.refused(choice.refusal.reason);
      socket.end(problemResponse(choice.refusal));
      return;
    }
    this.#tunnels.add(socket);
    socket.on('close', () => this.#tunnels.delete(socket));
    const fault = choice.treatment?.fault ?? null;
    if (fault === null) {
      openTunnel({ request, socket, head, choice, startedMs, identity });
      return;
    }
    const faulted = { fault, target: choice.target, startedMs };
    this.#faults.afterDelay(faulted, socket, () => {
      if (!this.#faults.abortTunnel(faulted, socket))
        openTunnel({ request, socket, head, choice, startedMs, identity });
    });
  }

  #choose(
    request: IncomingMessage,
    { authority, path, awaited }: Wanted,
    nowMs: number,
  ): ServedChoice {
    const refused = refusal(request);
    if (refused !== null) return { kind: 'refused', refusal: refused, counter: null };
    const routed = awaited === undefined ? request : routedOf(request, awaited);
    return this.#taken(this.#routes.choose(authority, path, routed, nowMs), authority);
  }

  /** What the gateway answers in place of an instance, if the choice is none. */
  #taken(choice: Choice, authority: string | undefined): ServedChoice {
    if (choice.kind === 'asleep') return choice;
    if (choice.kind === 'target') {
      const full = circuitRefusal(choice.target);
      if (full === null) return choice;
      choice.target.counter.count(noAnswer, 0);
      return { kind: 'refused', refusal: full, counter: choice.target.counter };
    }
    if (choice.kind === 'unidentified') {
      return { kind: 'refused', refusal: choice.refusal, counter: null };
    }
    if (choice.kind === 'over-limits') {
      this.#metrics.limits.refused(choice);
      return { kind: 'refused', refusal: overLimitsRefusal(choice), counter: null };
    }
    if (choice.kind === 'unknown-host') {
      const detail = `no service has the host '${(authority ?? '').slice(0, 100)}'`;
      return {
        kind: 'refused',
        refusal: { status: 404, reason: 'unknown-host', detail },
        counter: null,
      };
    }
    const { counter } = choice;
    counter.count(noAnswer, 0);
    if (choice.kind === 'unwoken') return { kind: 'refused', refusal: choice.refusal, counter };
    const detail = `revision ${choice.revisionId} has no ready instance`;
    return { kind: 'refused', refusal: { status: 503, reason: 'no-endpoints', detail }, counter };
  }
}

/** Requests of nobody's that are under way. */
const revalidationsMax = 64;

function routedOf({ method, headers, socket }: IncomingMessage, awaited: AwaitedPlace) {
  return { method, headers, socket, awaited };
}

/** About what is kept of a request while it waits for an instance. */
const keptBytes = 64 * 1024;

interface Come {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly sinceMs: number;
}

interface Served {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly expectsContinue: boolean;
  readonly observation: RequestObservation;
  /** Absent: it has not waited. */
  readonly awaited?: AwaitedPlace;
}

interface Wanted {
  readonly authority: string | undefined;
  readonly path: string;
  readonly awaited: AwaitedPlace | undefined;
}

type ServedChoice =
  | Extract<Choice, { kind: 'target' | 'asleep' }>
  | {
      readonly kind: 'refused';
      readonly refusal: Refusal;
      /** Null: it belongs to no revision. */
      readonly counter: Counter | null;
    };
