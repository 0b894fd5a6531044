import type { Served } from '../cache/errand.ts';
import { overloadRefusal, type Target } from '../live-revision.ts';
import type { Refusal } from '../refusal.ts';
import type { AnswerRelay } from './answer-relay.ts';
import type { Attempts } from './attempts.ts';
import type { ExchangeCaller } from './exchange-caller.ts';
import type { ExchangeClock } from './exchange-clock.ts';
import type { Hedge } from './hedge.ts';
import type { InstanceLink } from './instance-link.ts';
import { inFlightMax } from './instance-pool.ts';
import type { InstanceWait } from './instance-wait.ts';
import type { Observation } from './observation.ts';
import type { RequestRelay } from './request-relay.ts';
import type { LimitedExchange } from './time-limits.ts';

/** Why a request did not end with an instance's whole answer. */
type Ended = Refusal['reason'] | 'caller-gone';

/** Whose request ends. */
interface EndingExchange extends LimitedExchange {
  isUnderWay: boolean;
}

/** What of an exchange has a part in its end. */
interface ExchangeMembers {
  readonly observation: Observation;
  readonly request: RequestRelay;
  readonly attempts: Attempts;
  readonly clock: ExchangeClock;
  readonly link: InstanceLink;
  readonly hedge: Hedge;
  readonly wait: InstanceWait;
  readonly answer: AnswerRelay;
}

/**
 * The ends of a request that are not an instance's whole answer: who is to blame, what the caller is still told, and that
 * instance and evidence are let go of. One object serves all requests of a connection, one after the other.
 *
 * - N1. Before the answer's head the caller gets a problem, or what the cache has in its place; after it, nothing but the end of its
 *   connection (X3 of exchange.ts).
 * - N2. What is observed says the same as what the caller got.
 */
export class ExchangeEnd {
  readonly #exchange: EndingExchange;
  readonly #caller: ExchangeCaller;
  readonly #observation: Observation;
  readonly #request: RequestRelay;
  readonly #attempts: Attempts;
  readonly #clock: ExchangeClock;
  readonly #link: InstanceLink;
  readonly #hedge: Hedge;
  readonly #wait: InstanceWait;
  readonly #answer: AnswerRelay;

  constructor(exchange: EndingExchange, caller: ExchangeCaller, members: ExchangeMembers) {
    this.#exchange = exchange;
    this.#caller = caller;
    this.#observation = members.observation;
    this.#request = members.request;
    this.#attempts = members.attempts;
    this.#clock = members.clock;
    this.#link = members.link;
    this.#hedge = members.hedge;
    this.#wait = members.wait;
    this.#answer = members.answer;
  }

  overloaded(target: Target): void {
    this.#attempts.notMade(performance.now());
    this.#drop();
    this.answerProblem(overloadRefusal(target, inFlightMax));
  }

  /** The instance is to blame. */
  fail(status: 502 | 504, reason: Refusal['reason'], what: string): void {
    this.#attempts.failed(performance.now());
    const instanceId = this.#attempts.target?.endpoint.instanceId ?? '';
    if (this.#answer.hasBegun) {
      this.cutOff(reason);
      this.#caller.cut({ isReset: this.#answer.endsByClosing });
      return;
    }
    const standIn = this.#answer.wish.errand?.failed() ?? null;
    this.#drop();
    if (standIn !== null) this.giveStored(standIn);
    else this.answerProblem({ status, reason, detail: `instance ${instanceId} ${what}` });
  }

  callerToBlame(refusal: Refusal): void {
    if (this.#answer.hasBegun) {
      this.cutOff(refusal.reason);
      this.#caller.cut({ isReset: this.#answer.endsByClosing });
      return;
    }
    this.#drop();
    this.answerProblem(refusal);
  }

  /** In place of an instance's answer. */
  giveStored(served: Served): void {
    this.#caller.socket.write(this.#answer.stored(served));
    this.observed(this.#answer.status, null, performance.now());
    this.#exchange.isUnderWay = false;
    this.#caller.finished(this.#answer.wish.keepAlive && this.#request.isWhole);
  }

  answerProblem(refusal: Refusal): void {
    const { wish } = this.#answer;
    this.observed(refusal.status, refusal.reason, performance.now());
    this.#exchange.isUnderWay = false;
    const keepAlive = wish.keepAlive && this.#request.isWhole;
    this.#caller.answerProblem(refusal, { keepAlive, isHead: wish.isHead });
  }

  /** It ends in the midst of its answer, or before it, and no word can be said about it any more. */
  cutOff(error: Ended): void {
    this.#drop();
    this.#exchange.isUnderWay = false;
    this.observed(this.#answer.hasBegun ? this.#answer.status : 0, error, performance.now());
  }

  observed(status: number, error: Ended | null, nowMs: number): void {
    const observation = this.#observation;
    observation.hedge = this.#request.hedged;
    observation.requestBodyBytes = this.#request.bodyBytes;
    observation.responseBodyBytes = this.#answer.bodyBytes;
    observation.end(status, error, nowMs);
  }

  /** Whoever did not move: an instance that says nothing, or a caller that takes nothing or is gone. */
  cutLate(nowMs: number): void {
    const isInstance = this.#caller.socket.writableLength === 0 && !this.#clock.isHalfClosed;
    if (isInstance) this.#attempts.failed(nowMs);
    this.cutOff(isInstance ? 'timeout' : 'caller-too-slow');
    this.#caller.cut({ isReset: this.#answer.endsByClosing });
  }

  /** Lets go of instance and evidence. */
  #drop(): void {
    this.#hedge.end();
    this.#wait.leave();
    this.#answer.wish.errand?.failed();
    this.#clock.end(this.#exchange);
    this.#attempts.end(performance.now());
    const connection = this.#link.leave();
    this.#request.end(connection);
    connection?.destroy();
  }
}
