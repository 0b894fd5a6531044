import type { Target } from '../live-routes.ts';
import { originOf } from '../live-routes.ts';
import { type OverLimit, overText } from '../over-limit.ts';
import type { Refusal } from '../refusal.ts';
import type { FixedValue } from '../http1/fixed-lines.ts';
import type { RequestHead } from '../http1/head.ts';
import { method } from '../http1/methods.ts';
import { AnswerRelay } from './answer-relay.ts';
import { chosen } from './chosen.ts';
import { Evidence } from './evidence.ts';
import { HalfClosed, halfClosedSilenceMs } from './half-closed.ts';
import type { ConnectionUser, InstanceConnection } from './instance-connection.ts';
import { type ConnectionSeeker, inFlightMax, type InstancePool } from './instance-pool.ts';
import { Observation } from './observation.ts';
import { otherEndpoint } from './other-endpoint.ts';
import type { OctetSocket } from './octet-socket.ts';
import type { Parts } from './parts.ts';
import { RequestRelay } from './request-relay.ts';
import type { LimitedExchange, TimeLimit } from './time-limits.ts';

/** What an exchange does to the connection it came on. */
export interface ExchangeCaller {
  readonly socket: OctetSocket;
  readonly address: FixedValue;
  readonly scheme: FixedValue;
  /** The head was made from that of an HTTP/2 stream. */
  readonly isHttp2: boolean;
  /** Of `performance.now()`: when `late` is to be called. */
  deadlineMs: number;
  /** More of the request may be given to `body`. */
  readonly goOn: () => void;
  /** The answer is with the caller, or what can be. */
  readonly finished: (keepAlive: boolean) => void;
  /** Answers in place of an instance. */
  readonly answerProblem: (
    refusal: Refusal,
    how: { readonly keepAlive: boolean; readonly isHead: boolean },
  ) => void;
  /**
   * Ends the connection in the midst of an answer. By a reset if the connection's end alone would pass for the
   * answer's.
   */
  readonly cut: (how: { readonly isReset: boolean }) => void;
  readonly becomeTunnel: () => void;
  /** See Parts.broken. */
  readonly broken: (error: unknown) => void;
}

/** Why a request did not end with an instance's whole answer. */
type Ended = Refusal['reason'] | 'caller-gone';

const attemptsMax = 3;
/** An instance that closes a connection idle for less than this does not do it because it was idle. */
const idleCloseMinMs = 500;

/**
 * One request on its way to an instance and its answer on the way back. One object serves all requests of a connection,
 * one after the other.
 *
 * - X1. It is counted once, by its first attempt, or not at all when the caller is to blame (evidence.ts).
 * - X2. The route's timeout runs from the request's head, or the last piece of its body that came, to the answer's head;
 *   waiting for a connection is in it. A caller too slow with its body gets 408 and is no evidence against anybody.
 * - X3. Until the answer's head is passed on, failure is 502 or 504. After it, the caller's connection is cut.
 * - X4. A caller who hangs up ends the request at the instance.
 * - X5. Tried again, within a budget, is what no instance can have acted on (no connection came to be), and a GET, HEAD
 *   or OPTIONS whose kept connection was closed before an octet of the answer. If the connection had hardly been idle, its
 *   end says something about the instance and counts as this request's outcome, however the next attempt ends.
 * - X6. A caller that sends no more gets its answer (half-closed.ts); a silence within it ends it sooner, and counts not.
 */
export class Exchange implements ConnectionUser, ConnectionSeeker, LimitedExchange {
  isUnderWay = false;
  isTunnel = false;
  readonly #parts: Parts;
  readonly #caller: ExchangeCaller;
  readonly #evidence = new Evidence();
  readonly #observation: Observation;
  readonly #request: RequestRelay;
  readonly #answer: AnswerRelay;
  readonly #halfClosed = new HalfClosed();
  #target: Target | null = null;
  #pool: InstancePool | null = null;
  #connection: InstanceConnection | null = null;
  #timeoutMs = 0;
  /** Of the rule that has the request; null, as of most: it has none. */
  #limit: TimeLimit | null = null;
  #requestUntilMs = 0;
  #attempts = 0;
  #isSafe = false;

  constructor(parts: Parts, caller: ExchangeCaller) {
    this.#parts = parts;
    this.#caller = caller;
    this.#observation = new Observation(parts);
    this.#request = new RequestRelay(parts);
    this.#answer = new AnswerRelay(parts, caller.socket);
  }

  /** All of the request has been read. */
  get isWhole(): boolean {
    return this.#request.isWhole;
  }

  /** `body` must not be called before `goOn`. */
  get isFull(): boolean {
    return this.#request.isFull;
  }

  /** Begins with a head and what lies behind it in chunk[at...); returns the offset of what was not taken. */
  begin(head: RequestHead, chunk: Buffer, at: number): number {
    const parts = this.#parts;
    const nowMs = performance.now();
    this.isUnderWay = true;
    parts.retries.earn();
    this.#attempts = 1;
    this.#isSafe =
      head.method === method.get || head.method === method.head || head.method === method.options;
    this.#observation.begin(head, this.#caller, nowMs);
    this.#wish(head);
    this.#request.begin(head);
    this.#answer.begin();
    parts.routedHead.socket = this.#caller.socket;
    const choice = chosen(parts, head, nowMs);
    if (choice.kind === 'refused') {
      if (choice.counter !== null) this.#observation.routed(choice.counter);
      this.#answerProblem(choice.refusal);
      return at;
    }
    const { target, requestTimeoutMs, treatment } = choice;
    this.#target = target;
    if (treatment !== null) this.#limit = parts.limits.begin(this, treatment.timeouts, nowMs);
    this.#answer.wish.lines = parts.linesOf(target.revisionId);
    this.#evidence.begin(target, nowMs);
    this.#observation.routed(target.counter);
    this.#timeoutMs = requestTimeoutMs;
    this.#requestUntilMs = nowMs + parts.deadlines.requestMs;
    this.#caller.deadlineMs = nowMs + requestTimeoutMs;
    parts.requestAdditions.scheme = this.#caller.scheme;
    parts.requestAdditions.traceparent = this.#observation.beginTrace(head);
    const next = this.#request.compose(head, this.#caller.address, chunk, at);
    if (next < 0) {
      this.#bodyRefused();
      return chunk.length;
    }
    this.#pool = parts.pools.pool(target.origin, target.endpoint);
    if (!this.#pool.seek(this, nowMs)) this.#overloaded(target, nowMs);
    return next;
  }

  /** More of the request's body; returns the offset of what was not taken, or -1: nothing can be taken now. */
  body(chunk: Buffer, at: number): number {
    if (this.#connection === null || !this.#request.isSent || this.#request.isFull) return -1;
    const next = this.#request.pass(chunk, at, this.#connection);
    if (next < 0) {
      this.#bodyRefused();
      return chunk.length;
    }
    this.#limit?.moved();
    if (!this.#answer.hasBegun) this.#refreshDeadline();
    return next;
  }

  /** Of a tunnel. False: no more before `goOn`. */
  tunnelBytes(bytes: Buffer): boolean {
    return this.#connection?.write(bytes) ?? true;
  }

  take(connection: InstanceConnection): void {
    this.#connection = connection;
    connection.user = this;
    if (connection.isConnected) this.connected();
  }

  connected(): void {
    if (this.#connection === null) return;
    const { wish } = this.#answer;
    wish.hasContinued = this.#request.wantsContinue && !this.#request.isWhole;
    if (wish.hasContinued) this.#caller.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    this.#request.send(this.#connection);
    this.#limit?.attempt();
    if (!this.#request.isWhole) this.#caller.goOn();
  }

  connectFailed(error: Error): void {
    this.#connection = null;
    const nowMs = performance.now();
    this.#evidence.failed(nowMs);
    const target = this.#target;
    const other = target === null ? null : otherEndpoint(this.#parts.routes.table, target);
    if (target !== null && other !== null && this.#mayTryAgain()) {
      this.#target = { ...target, endpoint: other, origin: originOf(other) };
      this.#pool = this.#parts.pools.pool(this.#target.origin, other);
      if (this.#pool.seek(this, nowMs)) return;
    }
    this.#fail(502, 'unreachable', `did not answer: ${error.message}`);
  }

  read(bytes: Buffer): void {
    const connection = this.#connection;
    if (connection === null) return;
    try {
      this.#read(bytes, connection);
    } catch (error) {
      this.#caller.broken(error);
    }
  }

  #read(bytes: Buffer, connection: InstanceConnection): void {
    if (this.isTunnel) {
      if (!this.#caller.socket.write(bytes)) connection.pause();
      if (this.#caller.socket.writableLength > 0) connection.keepBuffer();
      if (this.#halfClosed.isSo) this.#awaitSilence();
      return;
    }
    this.#limit?.moved();
    // An answer before the request is whole is the connection's last.
    if (!this.#request.isWhole || this.#parts.isDraining) this.#answer.wish.keepAlive = false;
    const outcome = this.#answer.read(bytes, connection);
    if (outcome === 'done') {
      this.#finish();
      return;
    }
    if (outcome === 'bad') {
      this.#fail(502, 'reset', 'sent what is no HTTP/1.1 answer');
      return;
    }
    if (!this.#answer.isTaken) connection.pause();
    if (this.#answer.hasBegun) this.#awaitSilence();
    if (outcome === 'tunnel') this.#becomeTunnel();
  }

  drained(): void {
    this.#request.isFull = false;
    this.#caller.goOn();
  }

  /** The caller takes more after it had enough. */
  callerDrained(): void {
    this.#connection?.resume();
  }

  closed(error: Error | null): void {
    const wasIdleMs =
      this.#connection === null ? 0 : this.#request.sentMs - this.#connection.idleSinceMs;
    const wasUsed = (this.#connection?.served ?? 0) > 0;
    this.#connection = null;
    if (this.isTunnel) this.#endTunnel();
    else if (this.#answer.hasBegun) {
      if (error === null && this.#answer.endsWhole()) this.#finish();
      else this.#fail(502, 'reset', 'broke its answer off');
    } else if (wasUsed && this.#isSafe && this.#request.isWholeInFirst && this.#mayTryAgain()) {
      if (wasIdleMs < idleCloseMinMs) this.#evidence.failed(performance.now());
      this.#answer.begin();
      if (this.#pool?.seekNew(this, performance.now()) !== true) {
        this.#fail(502, 'reset', 'closed the connection');
      }
    } else {
      this.#fail(502, 'reset', `did not answer: ${error?.message ?? 'it closed the connection'}`);
    }
  }

  /** The deadline has passed. */
  late(nowMs: number): void {
    if (this.#answer.hasBegun) {
      this.#cutLate(nowMs);
      return;
    }
    const nextMs = this.#halfClosed.ask(this.#caller.socket, nowMs);
    if (nextMs !== null) {
      this.#caller.deadlineMs = nextMs;
      return;
    }
    const ms = this.#timeoutMs;
    if (this.#waitsForCaller()) this.#callerLate(`nothing of the request's body came for ${ms} ms`);
    else this.#fail(504, 'timeout', `did not answer within ${ms} ms`);
  }

  overLimit(over: OverLimit, nowMs: number): void {
    if (this.#answer.hasBegun) this.#cutLate(nowMs);
    else if (this.#waitsForCaller()) this.#callerLate(`the body did not come within ${over.ms} ms`);
    else this.#fail(504, over.reason, overText(over));
  }

  /** Whoever did not move: an instance that says nothing, or a caller that takes nothing or is gone. */
  #cutLate(nowMs: number): void {
    const isInstance = this.#caller.socket.writableLength === 0 && !this.#halfClosed.isSo;
    if (isInstance) this.#evidence.failed(nowMs);
    this.#cutOff(isInstance ? 'timeout' : 'caller-too-slow');
    this.#caller.cut({ isReset: this.#answer.endsByClosing });
  }

  #waitsForCaller(): boolean {
    return !this.#request.isWhole && !this.#request.isFull && this.#request.isSent;
  }

  #callerLate(detail: string): void {
    this.#drop();
    this.#answerProblem({ status: 408, reason: 'caller-too-slow', detail });
  }

  /** The caller sends no more (X6). */
  callerEnded(): void {
    const nowMs = performance.now();
    const { wish } = this.#answer;
    const { deadlineMs: untilMs } = this.#caller;
    const nextMs = this.#halfClosed.begin(nowMs, { untilMs, minorVersion: wish.minorVersion });
    wish.keepAlive = false;
    if (this.isTunnel) this.#connection?.end();
    if (this.#answer.hasBegun) this.#awaitSilence();
    else if (this.#request.isWhole) this.#caller.deadlineMs = nextMs;
    else this.#bodyCutShort();
  }

  /** The caller is gone; nobody is to be told. */
  callerGone(): void {
    if (this.isUnderWay) this.#cutOff('caller-gone');
  }

  #wish(head: RequestHead): void {
    const { wish } = this.#answer;
    const { opinion, isDraining } = this.#parts;
    wish.isHead = head.method === method.head;
    wish.minorVersion = head.minorVersion;
    wish.keepAlive = head.keepAlive && opinion.keepAlive && !isDraining;
    wish.wantsTunnel = head.wantsTunnel;
    wish.takesTrailers = head.acceptsTrailers;
    wish.hasContinued = false;
    if (head.wantsTunnel) wish.keepAlive = false;
  }

  #refreshDeadline(): void {
    this.#caller.deadlineMs = Math.min(performance.now() + this.#timeoutMs, this.#requestUntilMs);
  }

  #awaitSilence(): void {
    const { nowMs, deadlines } = this.#parts;
    const silenceMs = this.#halfClosed.isSo ? halfClosedSilenceMs : deadlines.silenceMs;
    this.#caller.deadlineMs = nowMs + Math.min(silenceMs, deadlines.silenceMs);
  }

  #mayTryAgain(): boolean {
    if (this.#attempts >= attemptsMax) return false;
    const { metrics, retries } = this.#parts;
    if (!retries.spend()) {
      metrics.retriesRefused += 1;
      return false;
    }
    metrics.retries += 1;
    this.#attempts += 1;
    return true;
  }

  #finish(): void {
    const nowMs = performance.now();
    const connection = this.#connection;
    const { keepAlive, keepMs, status } = this.#answer;
    this.#evidence.answered(status, nowMs);
    this.#evidence.end();
    this.#endLimit();
    this.#observed(status, null, nowMs);
    this.#connection = null;
    this.isUnderWay = false;
    const isClean = this.#request.end(connection) && this.#request.isWhole;
    if (connection !== null && isClean) this.#pool?.release(connection, nowMs, keepMs);
    else connection?.destroy();
    this.#caller.finished(keepAlive && this.#request.isWhole);
  }

  #overloaded({ endpoint }: Target, nowMs: number): void {
    this.#evidence.failed(nowMs);
    this.#drop();
    const detail = `instance ${endpoint.instanceId} has ${inFlightMax} requests already`;
    this.#answerProblem({ status: 503, reason: 'overloaded', detail });
  }

  /** The instance is to blame. */
  #fail(status: 502 | 504, reason: Refusal['reason'], what: string): void {
    this.#evidence.failed(performance.now());
    const instanceId = this.#target?.endpoint.instanceId ?? '';
    if (this.#answer.hasBegun) {
      this.#cutOff(reason);
      this.#caller.cut({ isReset: this.#answer.endsByClosing });
      return;
    }
    this.#drop();
    this.#answerProblem({ status, reason, detail: `instance ${instanceId} ${what}` });
  }

  #bodyRefused(): void {
    const { refusal } = this.#request;
    const detail = refusal?.detail ?? 'the body cannot be understood';
    this.#callerToBlame({ status: refusal?.status ?? 400, reason: 'bad-request', detail });
  }

  #bodyCutShort(): void {
    const detail = 'the connection ended before the body did';
    this.#callerToBlame({ status: 400, reason: 'bad-request', detail });
  }

  #callerToBlame(refusal: Refusal): void {
    if (this.#answer.hasBegun) {
      this.#cutOff(refusal.reason);
      this.#caller.cut({ isReset: this.#answer.endsByClosing });
      return;
    }
    this.#drop();
    this.#answerProblem(refusal);
  }

  #answerProblem(refusal: Refusal): void {
    const { wish } = this.#answer;
    this.#observed(refusal.status, refusal.reason, performance.now());
    this.isUnderWay = false;
    const keepAlive = wish.keepAlive && this.#request.isWhole;
    this.#caller.answerProblem(refusal, { keepAlive, isHead: wish.isHead });
  }

  /** It ends in the midst of its answer, or before it, and no word can be said about it any more. */
  #cutOff(error: Ended): void {
    this.#drop();
    this.isUnderWay = false;
    this.#observed(this.#answer.hasBegun ? this.#answer.status : 0, error, performance.now());
  }

  #observed(status: number, error: Ended | null, nowMs: number): void {
    const observation = this.#observation;
    observation.requestBodyBytes = this.#request.bodyBytes;
    observation.responseBodyBytes = this.#answer.bodyBytes;
    observation.end(status, error, nowMs);
  }

  /** Lets go of instance and evidence. */
  #drop(): void {
    this.#evidence.end();
    this.#endLimit();
    this.#pool?.leave(this);
    const connection = this.#connection;
    this.#connection = null;
    this.#request.end(connection);
    connection?.destroy();
  }

  #endLimit(): void {
    if (this.#limit === null) return;
    this.#parts.limits.end(this);
    this.#limit = null;
  }

  #becomeTunnel(): void {
    const nowMs = performance.now();
    this.#evidence.answered(this.#answer.status, nowMs);
    this.#evidence.end();
    this.#endLimit();
    this.#observed(this.#answer.status, null, nowMs);
    this.isTunnel = true;
    this.#caller.deadlineMs = Infinity;
    this.#caller.becomeTunnel();
  }

  #endTunnel(): void {
    this.isUnderWay = false;
    this.isTunnel = false;
    this.#caller.finished(false);
  }
}
