import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { refusedRecord } from '../access-log/refused-record.ts';
import { CallerAdmission } from '../caller-admission.ts';
import type { Address } from '../data-plane.ts';
import { plainAddress } from '../forwarded-headers.ts';
import type { Engine } from '../compat/http-engine.ts';
import { CallerSession } from '../http2/caller-session.ts';
import { beginsHttp2 } from '../http2/preface.ts';
import { listening } from '../listening.ts';
import type { LiveRoutes } from '../live-routes.ts';
import type { Certificates } from '../tls/certificates.ts';
import { type Greeted, TlsAcceptor } from '../tls/tls-acceptor.ts';
import { CallerConnection } from './caller-connection.ts';
import { type CallerLink, https, plainLink } from './caller-link.ts';
import { connectionFamilies } from './connection-metrics.ts';
import { type ListeningOptions, plainListening } from './listening-options.ts';
import type { OctetSocket } from './octet-socket.ts';
import { Parts, type PartsOptions } from './parts.ts';

/** All deadlines are looked at so often, in place of a timer for each request; so late they may be. */
const sweepMs = 100;
const drainSweepMs = 20;
/**
 * Between two requests, a caller may have the next one on its way when we drain: closed at once, it would be lost. So those
 * connections that were used just now have this time to send it, and are told to close with its answer.
 */
const drainQuietMs = 500;

/**
 * HTTP on bare sockets towards callers and instances. HTTP/1.1 is our own; the frames of HTTP/2 are node:http2's, and each
 * of its streams is served as a connection of one request, by the same code.
 */
export class FastEngine implements Engine {
  readonly #parts: Parts;
  readonly #listening: ListeningOptions;
  readonly #servers: Server[] = [];
  readonly #acceptors: TlsAcceptor[] = [];
  readonly #callers = new Set<CallerConnection>();
  readonly #sessions = new Set<CallerSession>();
  readonly #admission: CallerAdmission;
  readonly #sweeping: NodeJS.Timeout;

  constructor(
    routes: LiveRoutes,
    options: PartsOptions,
    listening: ListeningOptions = plainListening,
  ) {
    this.#parts = new Parts(routes, options);
    this.#listening = listening;
    const { callerLimits: limits, metrics, accessLog } = this.#parts;
    this.#parts.caching.take = (socket, given, scheme) =>
      this.#take(socket, { ...plainLink, scheme, given });
    this.#admission = new CallerAdmission({ limits, metrics, accessLog });
    metrics.addSource(() => {
      const { connections } = this.#admission;
      const tunnels = [...this.#callers].filter(({ isTunnel }) => isTunnel).length;
      return [
        ...connectionFamilies({ connections, tunnels }, this.#parts.pools),
        ...(this.#parts.spans?.families() ?? []),
        ...(this.#parts.accessLog?.families() ?? []),
      ];
    });
    // Behind the turn's reading: when this process itself stood still, what came meanwhile is read before anybody is late.
    this.#sweeping = setInterval(() => setImmediate(() => this.#sweep()), sweepMs);
    this.#sweeping.unref();
  }

  /** TLS, if it is wanted, has an address of its own; the address of what it was asked for is returned. */
  async listen(address: Address): Promise<AddressInfo> {
    const { isH2cTaken, tls } = this.#listening;
    const plain = await this.#listen(address, (socket) => {
      if (!this.#admission.admit(socket, 'http')) return;
      if (isH2cTaken) beginsHttp2(socket, (isHttp2) => this.#serve(socket, plainLink, isHttp2));
      else this.#serve(socket, plainLink, false);
    });
    if (tls !== null) {
      const { isShared = false } = address;
      const acceptor = this.#acceptor(tls.certificates);
      this.#acceptors.push(acceptor);
      const { port } = await this.#listen({ ...tls.address, isShared }, (socket) => {
        if (this.#admission.admit(socket, 'tls')) acceptor.accept(socket);
      });
      tls.onListening({ host: tls.address.host, port });
    }
    return plain;
  }

  routesChanged(): void {
    this.#parts.routesChanged();
  }

  async drain(boundMs: number): Promise<void> {
    this.#parts.isDraining = true;
    const closed = Promise.all(this.#servers.map(closedServer));
    for (const acceptor of this.#acceptors) acceptor.close();
    for (const session of this.#sessions) session.drain();
    const untilMs = performance.now() + boundMs;
    const step = (): void => {
      const nowMs = performance.now();
      const isOver = nowMs >= untilMs;
      const isUnderWay = [...this.#callers].some((caller) => caller.isUnderWay);
      if (isOver) for (const session of this.#sessions) session.destroy();
      for (const caller of this.#callers) {
        // Tunnels have no end of their own; they are cut when the last request has ended.
        if (isOver || (caller.isTunnel && !isUnderWay)) caller.socket.destroy();
        else caller.endIfIdle(nowMs, drainQuietMs);
      }
    };
    step();
    // Behind the turn's reading, as the sweep.
    const draining = setInterval(() => setImmediate(step), drainSweepMs);
    await closed;
    clearInterval(draining);
    clearInterval(this.#sweeping);
    this.#parts.mirrors.destroy();
    this.#parts.pools.destroy();
    await this.#parts.spans?.[Symbol.asyncDispose]();
    await this.#parts.accessLog?.[Symbol.asyncDispose]();
  }

  #acceptor(certificates: Certificates): TlsAcceptor {
    const { identity } = this.#parts;
    const onGreeted = ({ socket, certificate, protocol, peer }: Greeted): void => {
      if (this.#parts.isDraining) socket.destroy();
      else
        this.#serve(socket, { scheme: https, certificate, peer, refuse: null }, protocol === 'h2');
    };
    return new TlsAcceptor(certificates, onGreeted, { identity });
  }

  async #listen(
    { host, port, isShared = false }: Address,
    serve: (socket: Socket) => void,
  ): Promise<AddressInfo> {
    // A caller that has sent its last octet may still read its answer.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, serve);
    server.maxConnections = this.#admission.serverConnectionsMax;
    server.on('drop', () => this.#parts.metrics.refused('too-many-connections'));
    const address = await listening(server, { host, port, backlog: 4096, reusePort: isShared });
    this.#servers.push(server);
    return address;
  }

  #serve(socket: Socket, link: CallerLink, isHttp2: boolean): void {
    if (!isHttp2) {
      this.#take(socket, link);
      return;
    }
    const session = new CallerSession(socket, link, {
      serve: (stream, streamLink) => this.#take(stream, streamLink),
      onRefused: (refusal) => {
        const address = plainAddress(socket.remoteAddress ?? '');
        this.#parts.metrics.refused(refusal.reason);
        this.#parts.accessLog?.tell(refusedRecord(address, refusal, link.scheme === https));
      },
      onClosed: (closed) => this.#sessions.delete(closed),
      idleMs: this.#parts.deadlines.idleMs,
    });
    this.#sessions.add(session);
    if (this.#parts.isDraining) session.drain();
  }

  /** A connection of HTTP/1.1, or what looks like one. */
  #take(socket: OctetSocket, link: CallerLink): void {
    const onClosed = (closed: CallerConnection): void => {
      this.#callers.delete(closed);
    };
    this.#callers.add(new CallerConnection(this.#parts, socket, onClosed, link));
  }

  #sweep(): void {
    const nowMs = performance.now();
    this.#parts.nowMs = nowMs;
    for (const caller of this.#callers) if (caller.deadlineMs <= nowMs) caller.late(nowMs);
    this.#parts.limits.sweep(nowMs);
    this.#parts.mirrors.sweep(nowMs);
    this.#parts.pools.sweep(nowMs);
  }
}

function closedServer(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  return promise;
}
