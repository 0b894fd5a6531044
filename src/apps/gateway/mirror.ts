import { type Circuit, newCircuit } from '../../domain/traffic/resilience/circuit.ts';
import { isMirrored, type MirrorRule } from '../../domain/traffic/mirror.ts';
import { PercentTurns } from '../../domain/traffic/percent-turns.ts';
import type { MatchedRequest } from '../../domain/traffic/routing/request-match.ts';
import { nextInTurn } from '../../domain/traffic/routing/route-choice.ts';
import type { Endpoint, Route } from '../../domain/traffic/routing/route-table.ts';
import type { CountedApart } from '../../domain/traffic/samples/traffic-sample.ts';
import { type Counter, type Counters, noAnswer } from './counters.ts';
import { originOf, type Target } from './live-revision.ts';

/** Who gets a copy of one request. */
export interface Shadow {
  /** Chosen by turns alone: what becomes of copies says nothing of how users' requests should be shared out. */
  readonly target: Pick<Target, 'revisionId' | 'endpoint' | 'origin' | 'counter'> & {
    /** The mirror's own: copies take no connection from users' requests, and no place in their circuit. */
    readonly revision: Pick<Target['revision'], 'circuit'>;
  };
  /** How long the copy's answer is waited for. */
  readonly timeoutMs: number;
  /** The copy can't be made, for this reason; counted. */
  readonly dropped: (reason: 'mirror-too-large' | 'mirror-overflow') => void;
}

/**
 * The mirror of one route: which requests are copied, and to which instance.
 *
 * - M1. Nothing of it reaches the caller: no answer, no failure, no wait.
 * - M2. Copies are counted apart (`CountedApart`), never as requests, and never as evidence of either arm.
 * - M3. The percentage is of requests that may be copied, exact over short runs and over changes of the table.
 */
export class Mirror {
  readonly #rule: MirrorRule;
  readonly #turns: PercentTurns;
  readonly #shadows: readonly Shadow[];
  readonly #dropped: Shadow['dropped'];
  readonly #circuit: Circuit;
  #turn = -1;

  /** `before` is the same route's of the table before. Null: nothing is mirrored. */
  static of(route: Route, counters: Counters, before: Mirror | null): Mirror | null {
    return route.mirror === undefined ? null : new Mirror(route.mirror, route, counters, before);
  }

  private constructor(rule: MirrorRule, route: Route, counters: Counters, before: Mirror | null) {
    this.#rule = rule;
    this.#turns = new PercentTurns(rule.percent, before === null ? null : before.#turns);
    this.#circuit = before === null ? newCircuit() : before.#circuit;
    const { revisionId } = rule;
    const revision = { circuit: this.#circuit };
    const counterOf = (instanceId: string, setAside: CountedApart): Counter => {
      const key = { service: route.service, revisionId, instanceId };
      return counters.counter({ ...key, isMatched: false, stratum: null, setAside });
    };
    this.#dropped = (reason) => counterOf('', reason).count(noAnswer, 0);
    const endpoints = route.backends.find((each) => each.revisionId === revisionId)?.endpoints;
    this.#shadows = (endpoints ?? []).map((endpoint: Endpoint) => {
      const counter = counterOf(endpoint.instanceId, 'mirror');
      const target = { revisionId, endpoint, origin: originOf(endpoint), counter, revision };
      return { target, timeoutMs: route.requestTimeoutMs, dropped: this.#dropped };
    });
  }

  /** Null: no copy of this request. */
  next(target: Pick<Target, 'revisionId'>, { method }: MatchedRequest): Shadow | null {
    if (target.revisionId === this.#rule.revisionId) return null;
    if (!isMirrored(this.#rule, method) || !this.#turns.next()) return null;
    this.#turn = nextInTurn(this.#turn, this.#shadows.length);
    const shadow = this.#shadows[this.#turn];
    if (shadow !== undefined) return shadow;
    this.#dropped('mirror-overflow');
    return null;
  }
}

/** On every copy, so that the shadow can leave out what must not happen twice. */
export const mirrorHeader = 'x-tidegate-mirror';
