import { takesPending } from '../../../domain/traffic/circuit.ts';
import type { RetryCause } from '../../../domain/traffic/retry-rule.ts';
import type { Target } from '../live-revision.ts';
import { type OverLimit, overText } from '../over-limit.ts';
import type { Refusal } from '../refusal.ts';
import type { FixedValue } from '../http1/fixed-lines.ts';
import type { RequestHead } from '../http1/head.ts';
import { method } from '../http1/methods.ts';
import { AnswerRelay } from './answer-relay.ts';
import { Attempts } from './attempts.ts';
import { chosen } from './chosen.ts';
import { Expectation } from './expectation.ts';
import { HalfClosed, halfClosedSilenceMs } from './half-closed.ts';
import type { ConnectionUser, InstanceConnection } from './instance-connection.ts';
import { type ConnectionSeeker, inFlightMax, type InstancePool } from './instance-pool.ts';
import { Observation } from './observation.ts';
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

/**
 * One request on its way to an instance and its answer on the way back. One object serves all requests of a connection,
 * one after the other.
 *
 * - X1. It is counted once, by its first attempt, or not at all when the caller is to blame (evidence.ts).
 * - X2. The route's timeout runs from the request's head, or the last piece of its body that came, to the answer's head;
 *   waiting for a connection is in it. A caller too slow with its body gets 408 and is no evidence against anybody.
 * - X3. Until the answer's head is passed on, failure is 502 or 504. After it, the caller's connection is cut.
 * - X4. A caller who hangs up ends the request at the instance.
 * - X5. Tried again, within a budget, is what no instance can have acted on (no connection came to be, or it has said over HTTP/2
 *   that it did not look), a GET, HEAD or OPTIONS whose kept connection was closed before an octet of the answer, and what the
 *   service's `retries` say beside (attempts.ts). An end of a kept connection that is not bad luck (kept-connection.ts) counts as
 *   this request's outcome, however the next attempt ends.
 * - X6. A caller that sends no more gets its answer (half-closed.ts); a silence within it ends it sooner, and counts not.
 */
export class Exchange implements ConnectionUser, ConnectionSeeker, LimitedExchange {
  isUnderWay = false;
  isTunnel = false;
  readonly #parts: Parts;
  readonly #caller: ExchangeCaller;
  readonly #observation: Observation;
  readonly #request: RequestRelay;
  readonly #answer: AnswerRelay;
  readonly #expectation: Expectation;
  readonly #halfClosed = new HalfClosed();
  #pool: InstancePool | null = null;
  #connection: InstanceConnection | null = null;
  #timeoutMs = 0;
  /** Of the rule that has the request; null, as of most: it has none. */
  #limit: TimeLimit | null = null;
  #requestUntilMs = 0;
  readonly #attempts: Attempts;
  /** Of the request as a whole; an attempt may have less. */
  #untilMs = 0;
  /** A wait before the next attempt. */
  #backOff: NodeJS.Timeout | null = null;

  constructor(parts: Parts, caller: ExchangeCaller) {
    this.#parts = parts;
    this.#caller = caller;
    this.#observation = new Observation(parts);
    this.#request = new RequestRelay(parts);
    this.#attempts = new Attempts(parts, this.#request);
    this.#answer = new AnswerRelay(parts, caller.socket);
    this.#expectation = new Expectation(this.#request, this.#answer, caller.socket);
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
    if (treatment !== null) this.#limit = parts.limits.begin(this, treatment.timeouts, nowMs);
    this.#answer.wish.lines = parts.linesOf(target.revisionId);
    this.#observation.routed(target.counter);
    this.#attempts.begin(target, head, nowMs);
    this.#answer.wish.turnsDown = this.#attempts.turnsAnyDown;
    this.#timeoutMs = requestTimeoutMs;
    this.#requestUntilMs = nowMs + parts.deadlines.requestMs;
    this.#setDeadline(nowMs + requestTimeoutMs);
    parts.requestAdditions.scheme = this.#caller.scheme;
    parts.requestAdditions.traceparent = this.#observation.beginTrace(head);
    if (treatment !== null) this.#request.copy = parts.mirrors.copy(treatment, head, this.#caller);
    const next = this.#request.compose(head, this.#caller.address, chunk, at);
    if (next < 0) {
      this.#bodyRefused();
      return chunk.length;
    }
    this.#pool = parts.pools.pool(target);
    if (!this.#pool.seek(this, nowMs)) this.#overloaded(target);
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
    this.#expectation.sending(this);
    this.#request.send(this.#connection);
    this.#limit?.attempt();
    if (!this.#request.isWhole) this.#caller.goOn();
  }

  connectFailed(error: Error): void {
    this.#connection = null;
    if (this.#failedAndAgain('connect-failure')) return;
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
    this.#answer.wish.isLast = !this.#request.isWhole || this.#parts.isDraining;
    const outcome = this.#answer.read(bytes, connection);
    if (outcome === 'done') {
      this.#finish();
      return;
    }
    if (outcome === 'bad') {
      const isTried = !this.#answer.hasBegun && this.#failedAndAgain('reset');
      if (!isTried) this.#fail(502, 'reset', 'sent what is no HTTP/1.1 answer');
      return;
    }
    if (outcome === 'again') {
      if (!this.#seekAgain()) this.#fail(502, 'unreachable', 'has too many requests already');
      return;
    }
    if (this.#answer.hasBegun) this.#awaitSilence();
    if (!this.#answer.isTaken) connection.pause();
    if (outcome === 'tunnel') this.#becomeTunnel();
  }

  drained(): void {
    this.#request.isFull = false;
    this.#caller.goOn();
  }

  /** The caller takes more after it had enough. */
  callerDrained(): void {
    this.#connection?.resume();
    this.#answer.isTaken = true;
    if (this.isUnderWay && !this.isTunnel && this.#answer.hasBegun) this.#awaitSilence();
  }

  closed(error: Error | null): void {
    const connection = this.#connection;
    this.#connection = null;
    if (this.isTunnel) this.#endTunnel();
    else if (this.#answer.hasBegun) {
      if (error === null && this.#answer.endsWhole()) this.#finish();
      else this.#fail(502, 'reset', 'broke its answer off');
    } else if (connection !== null && this.#keptAndAgain(connection)) {
      if (!this.#seekAgain()) this.#fail(502, 'reset', 'closed the connection');
    } else if (!this.#failedAndAgain('reset')) {
      this.#fail(502, 'reset', `did not answer: ${error?.message ?? 'it closed the connection'}`);
    }
  }

  /** The deadline has passed. */
  late(nowMs: number): void {
    if (this.#answer.hasBegun) {
      this.#cutLate(nowMs);
      return;
    }
    if (nowMs >= this.#attempts.untilMs && nowMs < this.#untilMs) {
      const tryMs = this.#attempts.target?.revision.retries.perTryTimeoutMs ?? 0;
      const isTried = this.#failedAndAgain('timeout');
      if (!isTried) this.#fail(504, 'timeout', `did not answer within ${tryMs} ms`);
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
    else if (over.reason !== 'backend-timeout' || !this.#failedAndAgain('timeout')) {
      this.#fail(504, over.reason, overText(over));
    }
  }

  /** Whoever did not move: an instance that says nothing, or a caller that takes nothing or is gone. */
  #cutLate(nowMs: number): void {
    const isInstance = this.#caller.socket.writableLength === 0 && !this.#halfClosed.isSo;
    if (isInstance) this.#attempts.failed(nowMs);
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
    const untilMs = this.#untilMs;
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
    this.#setDeadline(Math.min(performance.now() + this.#timeoutMs, this.#requestUntilMs));
  }

  #setDeadline(untilMs: number): void {
    this.#untilMs = untilMs;
    this.#caller.deadlineMs = Math.min(untilMs, this.#attempts.untilMs);
  }

  #awaitSilence(): void {
    const { nowMs, deadlines } = this.#parts;
    const usualMs = this.#answer.isTaken ? deadlines.silenceMs : deadlines.takeMs;
    const silenceMs = this.#halfClosed.isSo ? halfClosedSilenceMs : usualMs;
    this.#caller.deadlineMs = nowMs + Math.min(silenceMs, usualMs);
  }

  /** The attempt has failed; whether another one is under way. */
  #failedAndAgain(cause: RetryCause): boolean {
    return this.#attempts.failedAndAgain(cause, performance.now()) && this.#seekAgain();
  }

  #keptAndAgain(connection: InstanceConnection): boolean {
    const nowMs = performance.now();
    if (connection.isUntouched) return this.#attempts.untouchedAndAgain(nowMs);
    return this.#attempts.keptAndAgain(connection, this.#answer.isTouched, nowMs);
  }

  /** For the attempt that has begun; false: its instance has as many requests as it may have. */
  #seekAgain(): boolean {
    const { target, delayMs } = this.#attempts;
    if (target === null) return false;
    this.#pool?.leave(this);
    this.#connection?.destroy();
    this.#connection = null;
    this.#limit?.attemptOver();
    this.#request.isSent = false;
    this.#answer.begin();
    this.#pool = this.#parts.pools.pool(target);
    this.#setDeadline(this.#untilMs);
    if (delayMs === 0) return this.#pool.seekNew(this, performance.now());
    this.#backOff = setTimeout(() => {
      this.#backOff = null;
      // The pool may have been forgotten meanwhile.
      this.#pool = this.#parts.pools.pool(target);
      if (!this.#pool.seekNew(this, performance.now()))
        this.#fail(502, 'unreachable', 'has too many requests already');
    }, delayMs);
    return true;
  }

  #finish(): void {
    const nowMs = performance.now();
    const connection = this.#connection;
    const { keepAlive, keepMs, status, outcome } = this.#answer;
    this.#attempts.answered(outcome, nowMs);
    this.#attempts.end(nowMs);
    if (this.#limit !== null) this.#limit = this.#parts.limits.end(this);
    this.#observed(status, null, nowMs);
    this.#connection = null;
    this.isUnderWay = false;
    const isClean = this.#request.end(connection) && this.#request.isWhole;
    if (connection !== null && isClean) {
      connection.isPromised = this.#answer.isPromised;
      this.#pool?.release(connection, nowMs, keepMs);
    } else connection?.destroy();
    this.#caller.finished(keepAlive && this.#request.isWhole);
  }

  #overloaded({ endpoint, revisionId, revision: { circuit } }: Target): void {
    this.#attempts.notMade(performance.now());
    this.#drop();
    if (takesPending(circuit)) {
      const detail = `instance ${endpoint.instanceId} has ${inFlightMax} requests already`;
      this.#answerProblem({ status: 503, reason: 'overloaded', detail });
      return;
    }
    circuit.refused += 1;
    const detail = `${circuit.pending} requests wait for a connection to revision ${revisionId}, as many as its circuitBreaker allows`;
    this.#answerProblem({ status: 503, reason: 'circuit-open', detail });
  }

  /** The instance is to blame. */
  #fail(status: 502 | 504, reason: Refusal['reason'], what: string): void {
    this.#attempts.failed(performance.now());
    const instanceId = this.#attempts.target?.endpoint.instanceId ?? '';
    if (this.#answer.hasBegun) {
      this.#cutOff(reason);
      this.#caller.cut({ isReset: this.#answer.endsByClosing });
      return;
    }
    this.#drop();
    this.#answerProblem({ status, reason, detail: `instance ${instanceId} ${what}` });
  }

  #bodyRefused(): void {
    this.#callerToBlame(this.#request.fault);
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
    if (this.#limit !== null) this.#limit = this.#parts.limits.end(this);
    this.#attempts.end(performance.now());
    if (this.#backOff !== null) clearTimeout(this.#backOff);
    this.#backOff = null;
    this.#pool?.leave(this);
    const connection = this.#connection;
    this.#connection = null;
    this.#request.end(connection);
    connection?.destroy();
  }

  #becomeTunnel(): void {
    const nowMs = performance.now();
    this.#attempts.answered(this.#answer.status, nowMs);
    this.#attempts.end(nowMs);
    if (this.#limit !== null) this.#limit = this.#parts.limits.end(this);
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
