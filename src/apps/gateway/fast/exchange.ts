import type { RetryCause } from '../../../domain/traffic/resilience/retry-rule.ts';
import type { Fault } from '../fault-injection.ts';
import type { Target } from '../live-revision.ts';
import { type OverLimit, overText } from '../over-limit.ts';
import type { Refusal } from '../refusal.ts';
import type { RequestHead } from '../http1/head.ts';
import { AnswerRelay } from './answer-relay.ts';
import { wishFor } from './answer-wish.ts';
import { Attempts } from './attempts.ts';
import { chosen } from './chosen.ts';
import { Expectation } from './expectation.ts';
import type { ExchangeCaller } from './exchange-caller.ts';
import { ExchangeEnd } from './exchange-end.ts';
import { ExchangeClock } from './exchange-clock.ts';
import { Hedge } from './hedge.ts';
import type { ConnectionUser, InstanceConnection } from './instance-connection.ts';
import { InstanceLink } from './instance-link.ts';
import { InstanceWait } from './instance-wait.ts';
import { afterDelay, countedAbort } from './injected-fault.ts';
import type { ConnectionSeeker, InstancePool } from './instance-pool.ts';
import { Observation } from './observation.ts';
import type { Parts } from './parts.ts';
import { RequestRelay } from './request-relay.ts';
import type { LimitedExchange } from './time-limits.ts';

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
 * - X6. A fault that is wanted holds it up or ends it before any instance is asked (fault-injection.ts).
 * - X7. A caller that sends no more gets its answer (half-closed.ts); a silence within it ends it sooner, and counts not.
 * - X8. Where no instance is there it may wait for one, kept by the caller's connection, and begin again (waiting-requests.ts).
 *   No time limit of an instance runs meanwhile, nor is it evidence.
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
  readonly #attempts: Attempts;
  readonly #clock: ExchangeClock;
  readonly #link: InstanceLink;
  readonly #hedge: Hedge;
  readonly #wait: InstanceWait;
  readonly #end: ExchangeEnd;

  constructor(parts: Parts, caller: ExchangeCaller) {
    const observation = new Observation(parts);
    const request = new RequestRelay(parts);
    const attempts = new Attempts(parts, request);
    const clock = new ExchangeClock(parts, caller, attempts);
    const link = new InstanceLink(parts, this);
    const hedge = new Hedge(parts, this, attempts, request);
    const wait = new InstanceWait(parts, this, caller);
    const answer = new AnswerRelay(parts, caller.socket);
    const members = { observation, request, attempts, clock, link, hedge, wait, answer };
    this.#parts = parts;
    this.#caller = caller;
    this.#observation = observation;
    this.#request = request;
    this.#attempts = attempts;
    this.#clock = clock;
    this.#link = link;
    this.#hedge = hedge;
    this.#wait = wait;
    this.#answer = answer;
    this.#expectation = new Expectation(request, answer, caller.socket);
    this.#end = new ExchangeEnd(this, caller, members);
  }

  /** All of the request has been read. */
  get isWhole(): boolean {
    return this.#request.isWhole;
  }

  /** Of a request that has waited. */
  again(): void {
    this.#caller.again();
  }

  /** `body` must not be called before `goOn`. */
  get isFull(): boolean {
    return this.#request.isFull;
  }

  /**
   * Begins with a head and what lies behind it in chunk[at...); returns the offset of what was not taken, or -1: it waits for an
   * instance, and both have to be given again. `keptSinceMs`: since when the head has waited for its token or the cache; null: not.
   */
  begin(head: RequestHead, chunk: Buffer, at: number, keptSinceMs: number | null): number {
    const parts = this.#parts;
    const nowMs = performance.now();
    parts.nowMs = nowMs;
    this.isUnderWay = true;
    const { awaited } = this.#wait;
    if (awaited === null) this.#observation.begin(head, this.#caller, keptSinceMs ?? nowMs);
    this.#request.begin(head);
    this.#answer.begin();
    wishFor(this.#answer.wish, head, parts);
    parts.routedHead.socket = this.#caller.socket;
    parts.routedHead.awaited = awaited;
    this.#wait.awaited = null;
    const choice = chosen(parts, head, nowMs);
    this.#observation.access = parts.routes.audited;
    if (choice.kind === 'asleep') {
      this.#observation.routed(choice.place.counter);
      const bytes = head.end - head.start + chunk.length - at;
      return this.#wait.begin(choice.place, bytes) ? -1 : at;
    }
    if (choice.kind === 'stored') {
      this.#observation.routed(choice.counter);
      this.#answer.wish.lines = choice.lines;
      this.#end.giveStored(choice.served);
      return at;
    }
    if (choice.kind === 'refused') {
      if (choice.counter !== null) this.#observation.routed(choice.counter);
      this.#observation.access = choice.refusal.access ?? null;
      this.#end.answerProblem(choice.refusal);
      return at;
    }
    const { target, requestTimeoutMs, treatment, standing } = choice;
    const fault = treatment === null ? null : treatment.fault;
    // No time limit runs while a fault holds the request up.
    const fromMs = fault === null ? nowMs : nowMs + fault.delayMs;
    this.#observation.routed(target.counter);
    if (fault !== null) this.#observation.fault = fault.rule?.id ?? null;
    if (fault !== null && fault.abort !== null) {
      this.#observation.beginTrace(head);
      this.#clock.begin(requestTimeoutMs, fromMs);
      afterDelay(parts, this.#link, { fault, target }, () => this.#abort(fault, target, nowMs));
      return at;
    }
    if (treatment !== null) this.#clock.limit(this, treatment.timeouts, fromMs);
    this.#answer.wish.lines = parts.linesOf(target.revisionId, standing);
    this.#attempts.begin(target, head, nowMs, treatment === null ? null : treatment.retries);
    if (fault !== null) this.#attempts.heldUp(fault.delayMs);
    this.#answer.wish.turnsDown = this.#attempts.turnsAnyDown;
    this.#clock.begin(requestTimeoutMs, fromMs);
    parts.requestAdditions.scheme = this.#caller.scheme;
    if (parts.caching.errand !== null) parts.caching.hand(head, this.#answer.wish);
    parts.requestAdditions.traceparent = this.#observation.beginTrace(head);
    if (treatment !== null) this.#request.copy = parts.mirrors.copy(treatment, head, this.#caller);
    const next = this.#request.compose(head, this.#caller.address, chunk, at);
    if (next < 0) {
      this.#end.callerToBlame(this.#request.fault);
      return chunk.length;
    }
    if (fault === null) this.#seek(target, nowMs);
    else afterDelay(parts, this.#link, { fault, target }, () => this.#seek(target));
    return next;
  }

  /** Its connection ends as well: what it keeps of the request is not read any more. */
  unwoken(refusal: Refusal): void {
    this.#answer.wish.keepAlive = false;
    this.#end.answerProblem(refusal);
  }

  #seek(target: Target, nowMs = performance.now()): void {
    if (this.#link.seek(target, nowMs)) this.#hedge.begin();
    else this.#end.overloaded(target);
  }

  overtake(connection: InstanceConnection, pool: InstancePool, bytes: Buffer | null): void {
    this.#link.adopt(connection, pool);
    connection.user = this;
    this.#answer.begin();
    this.#clock.attemptInstead();
    if (bytes !== null) this.read(bytes);
  }

  /** On purpose: no instance is asked. */
  #abort(fault: Fault, target: Target, startedMs: number): void {
    const refusal = countedAbort(this.#parts, fault, target, startedMs);
    if (refusal !== null) {
      this.#end.answerProblem(refusal);
      return;
    }
    this.#end.cutOff('fault-injected');
    this.#caller.cut({ isReset: true });
  }

  /** More of the request's body; returns the offset of what was not taken, or -1: nothing can be taken now. */
  body(chunk: Buffer, at: number): number {
    const { connection } = this.#link;
    if (connection === null || !this.#request.isSent || this.#request.isFull) return -1;
    const next = this.#request.pass(chunk, at, connection);
    if (next < 0) {
      this.#end.callerToBlame(this.#request.fault);
      return chunk.length;
    }
    this.#clock.moved();
    if (!this.#answer.hasBegun) this.#clock.refresh();
    return next;
  }

  /** Of a tunnel. False: no more before `goOn`. */
  tunnelBytes(bytes: Buffer): boolean {
    return this.#link.connection?.write(bytes) ?? true;
  }

  take(connection: InstanceConnection): void {
    this.#link.connection = connection;
    connection.user = this;
    if (connection.isConnected) this.connected();
  }

  connected(): void {
    const { connection } = this.#link;
    if (connection === null) return;
    this.#expectation.sending(this);
    this.#request.send(connection);
    this.#clock.attempt();
    if (!this.#request.isWhole) this.#caller.goOn();
  }

  connectFailed(error: Error): void {
    this.#link.connection = null;
    if (this.#failedAndAgain('connect-failure')) return;
    this.#end.fail(502, 'unreachable', `did not answer: ${error.message}`);
  }

  read(bytes: Buffer): void {
    const { connection } = this.#link;
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
      if (this.#clock.isHalfClosed) this.#awaitSilence();
      return;
    }
    this.#clock.moved();
    this.#hedge.end();
    // An answer before the request is whole is the connection's last.
    this.#answer.wish.isLast = !this.#request.isWhole || this.#parts.isDraining;
    const outcome = this.#answer.read(bytes, connection);
    if (outcome === 'done') {
      this.#finish();
      return;
    }
    if (outcome === 'bad') {
      const isTried = !this.#answer.hasBegun && this.#failedAndAgain('reset');
      if (!isTried) this.#end.fail(502, 'reset', 'sent what is no HTTP/1.1 answer');
      return;
    }
    if (outcome === 'again') {
      if (!this.#seekAgain()) this.instanceFull();
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
    this.#link.connection?.resume();
    this.#answer.isTaken = true;
    if (this.isUnderWay && !this.isTunnel && this.#answer.hasBegun) this.#awaitSilence();
  }

  closed(error: Error | null): void {
    const { connection } = this.#link;
    this.#link.connection = null;
    if (this.isTunnel) this.#endTunnel();
    else if (this.#answer.hasBegun) {
      if (error === null && this.#answer.endsWhole()) this.#finish();
      else this.#end.fail(502, 'reset', 'broke its answer off');
    } else if (this.#hedge.takesOver()) return;
    else if (this.#attempts.keptAndAgain(connection, this.#answer.isTouched)) {
      if (!this.#seekAgain()) this.#end.fail(502, 'reset', 'closed the connection');
    } else if (!this.#failedAndAgain('reset')) {
      this.#end.fail(
        502,
        'reset',
        `did not answer: ${error?.message ?? 'it closed the connection'}`,
      );
    }
  }

  /** The deadline has passed. */
  late(nowMs: number): void {
    if (this.#wait.isSo) {
      this.#wait.late(nowMs);
      return;
    }
    if (this.#answer.hasBegun) {
      this.#end.cutLate(nowMs);
      return;
    }
    if (this.#clock.isAttemptLate(nowMs)) {
      const isTried = this.#failedAndAgain('timeout');
      const tryMs = this.#attempts.perTryTimeoutMs;
      if (!isTried) this.#end.fail(504, 'timeout', `did not answer within ${tryMs} ms`);
      return;
    }
    if (this.#clock.asksCaller(nowMs)) return;
    const ms = this.#clock.timeoutMs;
    if (this.#waitsForCaller()) this.#callerLate(`nothing of the request's body came for ${ms} ms`);
    else this.#end.fail(504, 'timeout', `did not answer within ${ms} ms`);
  }

  overLimit(over: OverLimit, nowMs: number): void {
    if (this.#answer.hasBegun) this.#end.cutLate(nowMs);
    else if (this.#waitsForCaller()) this.#callerLate(`the body did not come within ${over.ms} ms`);
    else if (over.reason !== 'backend-timeout' || !this.#failedAndAgain('timeout')) {
      this.#end.fail(504, over.reason, overText(over));
    }
  }

  #waitsForCaller(): boolean {
    return !this.#request.isWhole && !this.#request.isFull && this.#request.isSent;
  }

  #callerLate(detail: string): void {
    this.#end.callerToBlame({ status: 408, reason: 'caller-too-slow', detail });
  }

  /** The caller sends no more (X7). */
  callerEnded(): void {
    const { wish } = this.#answer;
    if (this.#wait.isSo) {
      this.#wait.callerEnded(wish.minorVersion);
      return;
    }
    const nextMs = this.#clock.callerEnded(wish.minorVersion);
    wish.keepAlive = false;
    if (this.isTunnel) this.#link.connection?.end();
    if (this.#answer.hasBegun) this.#awaitSilence();
    else if (this.#request.isWhole) this.#caller.deadlineMs = nextMs;
    else this.#bodyCutShort();
  }

  /** The caller is gone; nobody is to be told. */
  callerGone(): void {
    if (this.isUnderWay) this.#end.cutOff('caller-gone');
  }

  #awaitSilence(): void {
    this.#clock.awaitSilence(this.#answer.isTaken);
  }

  /** The attempt has failed; whether another one is under way. */
  #failedAndAgain(cause: RetryCause): boolean {
    if (this.#hedge.takesOver()) return true;
    return this.#attempts.failedAndAgain(cause, performance.now()) && this.#seekAgain();
  }

  /** For the attempt that has begun; false: its instance has as many requests as it may have. */
  #seekAgain(): boolean {
    const { target, delayMs } = this.#attempts;
    if (target === null) return false;
    this.#request.isSent = false;
    this.#answer.begin();
    this.#clock.attemptAgain();
    return this.#link.seekAgain(target, delayMs);
  }

  /** The instance of a further attempt has as many requests as it may have. */
  instanceFull(): void {
    this.#end.fail(502, 'unreachable', 'has too many requests already');
  }

  #finish(): void {
    const nowMs = performance.now();
    this.#parts.nowMs = nowMs;
    const { connection } = this.#link;
    const { keepAlive, keepMs, status, outcome } = this.#answer;
    this.#attempts.answered(outcome, nowMs);
    this.#attempts.end(nowMs);
    this.#clock.end(this);
    this.#end.observed(status, null, nowMs);
    this.isUnderWay = false;
    const isClean = this.#request.end(connection) && this.#request.isWhole;
    if (connection !== null && isClean) {
      connection.isPromised = this.#answer.isPromised;
      this.#link.release(nowMs, keepMs);
    } else this.#link.leave()?.destroy();
    this.#caller.finished(keepAlive && this.#request.isWhole);
  }

  #bodyCutShort(): void {
    const detail = 'the connection ended before the body did';
    this.#end.callerToBlame({ status: 400, reason: 'bad-request', detail });
  }

  #becomeTunnel(): void {
    const nowMs = performance.now();
    this.#attempts.answered(this.#answer.status, nowMs);
    this.#attempts.end(nowMs);
    this.#clock.end(this);
    this.#end.observed(this.#answer.status, null, nowMs);
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
