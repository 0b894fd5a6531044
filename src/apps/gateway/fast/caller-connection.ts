import { refusedRecord } from '../access-log/refused-record.ts';
import { plainAddress } from '../forwarded-headers.ts';
import { FixedValue } from '../http1/fixed-lines.ts';
import { incomplete, refused, type RequestHead } from '../http1/head.ts';
import { HeadReader } from '../http1/head-reader.ts';
import { method } from '../http1/methods.ts';
import { type HttpRefusal, refusals } from '../http1/refusals.ts';
import { recalledRequest } from '../http1/recalled-head.ts';
import { parseRequestHead } from '../http1/request-head.ts';
import { problemResponse } from '../problem.ts';
import type { Refusal } from '../refusal.ts';
import { type CallerLink, https, plainLink } from './caller-link.ts';
import type { Waiting } from './caching.ts';
import { CallerSocket } from './caller-socket.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeCaller } from './exchange-caller.ts';
import type { OctetSocket } from './octet-socket.ts';
import type { Parts } from './parts.ts';

/**
 * One connection of a caller: requests are taken from it one after the other, and what comes before the answer to the
 * last one has ended waits.
 *
 * Phases: `head` between requests or within a head; `body` within a request; `answer` the request is whole and its
 * answer is not; `full` the caller has not taken the last answer yet; `checking` its token, or waiting for an instance or the cache; `tunnel`; `closing` nothing is served any
 * more.
 */
export class CallerConnection implements ExchangeCaller {
  readonly socket: CallerSocket;
  deadlineMs: number;
  readonly #parts: Parts;
  readonly #link: CallerLink;
  readonly #heads = new HeadReader<RequestHead>(parseRequestHead);
  readonly #recalled = recalledRequest();
  readonly #exchange: Exchange;
  #phase: 'head' | 'checking' | 'body' | 'answer' | 'full' | 'tunnel' | 'closing' = 'head';
  #requests = 0;
  /** How long it may wait for the next request. */
  #idleMs: number;
  #pending: Buffer | null = null;
  #isHeld = false;
  #isReading = false;
  #hasEnded = false;
  #address: FixedValue | null = null;
  #waiting: Waiting | null = null;
  /** When the head came whole that waits now. */
  #keptSinceMs: number | null = null;

  constructor(
    parts: Parts,
    socket: OctetSocket,
    onClosed: (connection: CallerConnection) => void,
    link: CallerLink = plainLink,
  ) {
    this.#parts = parts;
    this.#link = link;
    // A stream of HTTP/2 hands its frames to the session, which has a turn of its own.
    const { peer } = link;
    this.socket = new CallerSocket(parts, socket, { isDirect: link.refuse === null, peer });
    this.socket.onFull = () => {
      if (this.#phase === 'head') this.#phase = 'full';
    };
    this.#idleMs = this.#idleBoundMs();
    this.deadlineMs = parts.nowMs + this.#idleMs;
    this.#exchange = new Exchange(parts, this);
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('end', () => this.#ended());
    // 'close' follows, and says all there is to say: the caller is gone.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#phase = 'closing';
      this.#exchange.callerGone();
      onClosed(this);
    });
  }

  get address(): FixedValue {
    this.#address ??= FixedValue.of(plainAddress(this.socket.remoteAddress ?? 'unknown'));
    return this.#address;
  }

  get isHttp2(): boolean {
    return this.#link.refuse !== null;
  }

  get scheme(): FixedValue {
    return this.#link.scheme;
  }

  get isTunnel(): boolean {
    return this.#phase === 'tunnel';
  }

  /** A request has begun, and its answer has not ended. */
  get isUnderWay(): boolean {
    if (this.isTunnel) return false;
    const isWaiting = this.#phase === 'full' || this.#phase === 'checking';
    return this.#exchange.isUnderWay || this.#heads.isWithin || isWaiting;
  }

  /** The gateway is draining: closed if nothing has been under way for `quietMs`. */
  endIfIdle(nowMs: number, quietMs: number): void {
    const idleSinceMs = this.deadlineMs - this.#idleMs;
    const isIdle = this.#phase === 'head' && !this.#heads.isWithin;
    if (isIdle && nowMs - idleSinceMs >= quietMs) this.#close();
  }

  /** The deadline has passed. */
  late(nowMs: number): void {
    this.deadlineMs = Infinity;
    if (this.#exchange.isUnderWay) this.#exchange.late(nowMs);
    else if (this.#phase === 'head' && this.#heads.isWithin) {
      const detail = `the head of the request did not come within ${this.#parts.deadlines.headMs} ms`;
      this.#refuseHead({ status: 408, reason: 'caller-too-slow', detail });
    } else if (this.#phase === 'head') this.#close();
    else this.socket.destroy();
  }

  goOn(): void {
    if (this.#isReading || !this.#isHeld) return;
    this.#isHeld = false;
    const chunk = this.#pending;
    this.#pending = null;
    if (chunk !== null) this.#read(chunk);
    if (this.#isHeld) return;
    this.socket.resume();
    if (chunk !== null && this.#hasEnded) this.#ended();
  }

  again(): void {
    if (this.#phase !== 'checking') return;
    this.#phase = 'head';
    this.goOn();
  }

  finished(keepAlive: boolean): void {
    // What came before the caller's end may be further requests.
    const isLast = this.#hasEnded && this.#pending === null && !this.#isReading;
    if (!keepAlive || isLast || this.#parts.isDraining) {
      this.#close();
      return;
    }
    // Who does not read answers gets no more of them.
    this.#phase = this.socket.writableNeedDrain ? 'full' : 'head';
    this.#idleMs = this.#idleBoundMs();
    this.deadlineMs = this.#parts.nowMs + this.#idleMs;
    if (this.#phase === 'head') this.goOn();
  }

  answerProblem(
    refusal: Refusal,
    { keepAlive, isHead }: { readonly keepAlive: boolean; readonly isHead: boolean },
  ): void {
    this.#parts.metrics.refused(refusal.reason);
    if (this.#link.refuse !== null) this.#link.refuse(refusal);
    else this.socket.write(problemResponse(refusal, keepAlive ? 'keep-alive' : 'close', isHead));
    this.finished(keepAlive);
  }

  cut({ isReset }: { readonly isReset: boolean }): void {
    this.#phase = 'closing';
    // Under TLS, an end without close_notify says the same (RFC 8446 section 6.1), and there is no reset.
    if (isReset && this.#link.certificate === null) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  broken(error: unknown): void {
    this.#parts.broken(error);
    this.#phase = 'closing';
    this.socket.destroy();
  }

  becomeTunnel(): void {
    this.#phase = 'tunnel';
    this.goOn();
  }

  /** A connection does not wait longer than its caller's certificate lives. */
  #idleBoundMs(): number {
    const { idleMs } = this.#parts.deadlines;
    const { peer } = this.#link;
    if (peer === null || peer.endsAtMs === Infinity) return idleMs;
    return Math.max(0, Math.min(idleMs, peer.endsAtMs - Date.now()));
  }

  #read(chunk: Buffer): void {
    this.#isReading = true;
    try {
      this.#readAll(chunk);
    } catch (error) {
      this.broken(error);
    }
    this.#isReading = false;
  }

  #readAll(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && this.#phase !== 'closing') {
      const next = this.#step(chunk, at);
      if (next < 0) {
        this.#hold(chunk, at);
        return;
      }
      at = next;
    }
    if (this.#phase === 'body' && this.#exchange.isFull && !this.#isHeld) this.#hold(chunk, at);
  }

  /** Takes something of chunk[at...); returns the offset of the rest, or -1: nothing can be taken now. */
  #step(chunk: Buffer, at: number): number {
    switch (this.#phase) {
      case 'head':
        return this.#readHead(chunk, at);
      case 'body': {
        const next = this.#exchange.body(chunk, at);
        if (this.#phase === 'body' && this.#exchange.isWhole) this.#phase = 'answer';
        return next;
      }
      case 'tunnel':
        if (!this.#exchange.tunnelBytes(chunk.subarray(at))) this.#hold(chunk, chunk.length);
        return chunk.length;
      case 'answer':
      case 'full':
      case 'checking':
        return -1;
      case 'closing':
        return chunk.length;
    }
  }

  #readHead(chunk: Buffer, at: number): number {
    const { requestHead: head, opinion } = this.#parts;
    const wasWithin = this.#heads.isWithin;
    const same = wasWithin ? null : this.#recalled.match(chunk, at);
    if (same !== null) {
      opinion.keepAlive = this.#recalled.opinionKeepAlive;
      return this.#begin(same, chunk, at + same.end);
    }
    const next = this.#heads.read(head, chunk, at);
    if (next === incomplete) {
      if (!wasWithin) this.deadlineMs = this.#parts.nowMs + this.#parts.deadlines.headMs;
      return chunk.length;
    }
    if (next === refused || !opinion.agreesOnRequest(head)) {
      this.#refuse(head.refusal ?? refusals['second-opinion']);
      return chunk.length;
    }
    this.#recalled.note(head, opinion.keepAlive);
    return this.#begin(head, chunk, next);
  }

  /** A head is whole and accepted, and chunk[next...) follows it. */
  #begin(head: RequestHead, chunk: Buffer, next: number): number {
    this.#parts.routedHead.head = head;
    if (this.#link.certificate?.covers(head.authority()) === false) {
      this.answerProblem(misdirected, { keepAlive: false, isHead: head.method === method.head });
      return chunk.length;
    }
    if (this.#parts.routes.asksTokens && this.#waitsForToken(head, chunk, next))
      return chunk.length;
    if (this.#parts.routes.hasCaches && this.#waitsForCache(head, chunk, next)) return chunk.length;
    this.#requests += 1;
    if (this.#requests >= this.#parts.callerLimits.requestsPerConnection) head.keepAlive = false;
    const { peer } = this.#link;
    if (peer !== null && peer.leavesAtMs <= Date.now()) head.keepAlive = false;
    // Set first, since the exchange may be over when `begin` returns.
    this.#phase = 'body';
    const keptSinceMs = this.#keptSinceMs;
    this.#keptSinceMs = null;
    const rest = this.#exchange.begin(head, chunk, next, keptSinceMs);
    if (rest < 0) {
      this.#requests -= 1;
      this.#keep(head, chunk, next);
      return chunk.length;
    }
    if (this.#phase === 'body' && this.#exchange.isWhole) this.#phase = 'answer';
    return rest;
  }

  /** The head is read again when its token has been checked: nothing of it has to be kept in another form meanwhile. */
  #waitsForToken(head: RequestHead, chunk: Buffer, next: number): boolean {
    const { routes, routedHead } = this.#parts;
    routedHead.socket = this.socket;
    const pending = routes.pending(head.authority(), head.path(), routedHead);
    if (pending === null) return false;
    this.#keep(head, chunk, next);
    void pending.then(() => this.again());
    return true;
  }

  /** For what another request fetches, or for Redis. */
  #waitsForCache(head: RequestHead, chunk: Buffer, next: number): boolean {
    const { caching, routedHead } = this.#parts;
    // It was asked before, and has waited for an instance.
    if (this.#exchange.isUnderWay) return false;
    if (this.#link.given !== undefined) {
      caching.given = this.#link.given;
      return false;
    }
    routedHead.socket = this.socket;
    routedHead.awaited = null;
    const asked = caching.ask(head, this.#waiting, performance.now(), this.scheme);
    this.#waiting = asked?.waiting ?? null;
    if (asked === null) return false;
    this.#keep(head, chunk, next);
    void asked.until.then(() => this.again());
    return true;
  }

  #keep(head: RequestHead, chunk: Buffer, next: number): void {
    this.#phase = 'checking';
    this.#keptSinceMs ??= performance.now();
    this.deadlineMs = Infinity;
    this.#hold(Buffer.concat([head.bytes.subarray(head.start, head.end), chunk.subarray(next)]), 0);
  }

  #refuse({ status, detail }: HttpRefusal): void {
    this.#refuseHead({ status, reason: 'bad-request', detail });
  }

  #refuseHead(refusal: Refusal): void {
    const address = plainAddress(this.socket.remoteAddress ?? '');
    this.#parts.accessLog?.tell(refusedRecord(address, refusal, this.scheme === https));
    this.answerProblem(refusal, { keepAlive: false, isHead: false });
  }

  #hold(chunk: Buffer, at: number): void {
    this.#isHeld = true;
    this.#pending = at < chunk.length ? chunk.subarray(at) : null;
    this.socket.pause();
  }

  #drained(): void {
    if (this.#phase === 'full') {
      this.#phase = 'head';
      this.goOn();
    } else this.#exchange.callerDrained();
  }

  /** The caller sends no more, but may still read: RFC 9112 section 9.6 has connections closed in such stages. */
  #ended(): void {
    this.#hasEnded = true;
    // A socket tells its end though it is paused.
    if (this.#pending !== null && this.#phase !== 'checking') return;
    if (this.#phase === 'checking' && !this.#exchange.isUnderWay) return;
    if (this.#phase === 'head' || this.#phase === 'full' || this.#phase === 'closing') {
      this.socket.end();
    } else this.#exchange.callerEnded();
  }

  #close(): void {
    this.#phase = 'closing';
    this.#pending = null;
    this.deadlineMs = this.#parts.nowMs + this.#parts.deadlines.lingerMs;
    this.socket.end();
    this.socket.resume();
  }
}

/** RFC 9110 section 15.5.20: another connection may do, so a caller tries that. */
const misdirected: Refusal = {
  status: 421,
  reason: 'misdirected',
  detail: 'the certificate of this connection does not cover the host of the request',
};
