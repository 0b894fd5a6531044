import type { BucketKey } from './token-loan.ts';

/**
 * What is kept of each client of each limit. At most `clientsMax` of a limit: those that are as if they had never been are forgotten
 * first, and while there are none of these, clients that come new share one state, so that nobody gets past a limit by making
 * up names.
 */
export class ClientStates<State> {
  readonly #scopes = new Map<string, Scope<State>>();
  readonly #isNothing: (state: State, nowMs: number) => boolean;
  readonly #clientsMax: number;

  constructor(
    isNothing: (state: State, nowMs: number) => boolean,
    clientsMax: number = usualClientsMax,
  ) {
    this.#isNothing = isNothing;
    this.#clientsMax = clientsMax;
  }

  /** The key that the state is kept under: the client's own, or that of all who came too late. */
  keyOf(key: BucketKey, nowMs: number): BucketKey {
    const scope = this.#scopes.get(key.scope);
    const client = scope === undefined ? key.client : this.#clientIn(scope, key.client, nowMs);
    return client === key.client ? key : { scope: key.scope, client };
  }

  find(key: BucketKey, nowMs: number): State | undefined {
    const scope = this.#scopes.get(key.scope);
    return scope?.states.get(this.#clientIn(scope, key.client, nowMs));
  }

  set(key: BucketKey, state: State, nowMs: number): void {
    let scope = this.#scopes.get(key.scope);
    if (scope === undefined) {
      scope = { states: new Map(), sweptAtMs: -Infinity };
      this.#scopes.set(key.scope, scope);
    }
    scope.states.set(this.#clientIn(scope, key.client, nowMs), state);
  }

  /** Limits that are in no table any more. */
  retain(scopes: ReadonlySet<string>): void {
    for (const scope of this.#scopes.keys()) if (!scopes.has(scope)) this.#scopes.delete(scope);
  }

  #clientIn(scope: Scope<State>, client: string, nowMs: number): string {
    const { states } = scope;
    if (states.size < this.#clientsMax || states.has(client)) return client;
    // A look at all of them takes milliseconds, so there is one a second at most.
    if (nowMs - scope.sweptAtMs >= sweepEveryMs) {
      scope.sweptAtMs = nowMs;
      for (const [each, state] of states) if (this.#isNothing(state, nowMs)) states.delete(each);
      if (states.size < this.#clientsMax) return client;
    }
    return crowd;
  }
}

interface Scope<State> {
  readonly states: Map<string, State>;
  sweptAtMs: number;
}

/** No client is called so: header values have no control characters. */
const crowd = '\0crowd';
/** Some hundred bytes each. */
const usualClientsMax = 100_000;
const sweepEveryMs = 1000;
