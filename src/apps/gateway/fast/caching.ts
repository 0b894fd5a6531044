import type { HeaderLookup } from '../../../domain/cache/preconditions.ts';
import type { CacheAnswer, CacheAsk } from '../cache/route-cache.ts';
import { CacheTurn, type RouteCache } from '../cache/route-cache.ts';
import { cachedPlace } from '../cache/cached-place.ts';
import type { Errand } from '../cache/errand.ts';
import { framing, type RequestHead } from '../http1/head.ts';
import type { AccessNote } from '../identity/route-authorization.ts';
import type { Choice } from '../live-routes.ts';
import type { AnswerWish } from './answer-wish.ts';
import { validatorLines } from './errand-relay.ts';
import { type BackgroundRequest, backgroundRequest } from './background-request.ts';
import type { OctetSocket } from './octet-socket.ts';
import type { FixedValue } from '../http1/fixed-lines.ts';
import { https } from './caller-link.ts';
import type { Parts } from './parts.ts';

/** Where a request goes, chosen before its exchange begins, with what the cache says to it. */
export interface Given {
  readonly choice: Choice;
  readonly audited: AccessNote | null;
  /** Null: its route has no cache, or it is no matter of the cache. */
  readonly answer: Exclude<CacheAnswer, { kind: 'wait' }> | null;
}

/** A request that waits, by the connection it came on. */
export interface Waiting {
  readonly choice: Choice;
  readonly audited: AccessNote | null;
  readonly turn: CacheTurn;
  readonly tableVersion: number | null;
}

/** Requests of nobody's that are under way, which ask whether a stale answer is still right. */
const revalidationsMax = 64;

/**
 * The caches of routes as the fast engine asks them: between a request's head and its exchange, so that a request which
 * waits for Redis or for another's fetch is read again, as one does whose token is checked.
 */
export class Caching {
  /** For the exchange that begins next; null: it chooses by itself. */
  given: Given | null = null;
  /** Of the exchange that begins now. */
  errand: Errand | null = null;
  /** Set by the engine: serves a connection of its own making. */
  take: (socket: OctetSocket, given: Given, scheme: FixedValue) => void = () => {};
  readonly #parts: Parts;
  #revalidations = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** What the exchange takes, which is nobody's then. */
  takeGiven(): Given | null {
    const { given } = this;
    this.given = null;
    if (given !== null) this.#parts.routes.audited = given.audited;
    return given;
  }

  /** The errand of the exchange that begins now, to its answer; what the instance is asked with is in the additions then. */
  hand(head: RequestHead, wish: AnswerWish): void {
    const { errand } = this;
    this.errand = null;
    if (errand === null) return;
    wish.errand = errand;
    this.#parts.requestAdditions.lines = validatorLines(errand, head);
  }

  /** Null: the exchange can begin. Else the head has to be read again then, and this be asked with what is returned. */
  ask(
    head: RequestHead,
    waiting: Waiting | null,
    nowMs: number,
    scheme: FixedValue,
  ): { readonly waiting: Waiting; readonly until: Promise<void> } | null {
    const { routes, routedHead } = this.#parts;
    const cache = routes.cacheOf(head.authority());
    if (cache === null || head.wantsTunnel) return null;
    const tableVersion = routes.table?.version ?? null;
    // What was chosen by another table may be gone.
    const isStill = waiting !== null && waiting.tableVersion === tableVersion;
    const choice = isStill
      ? waiting.choice
      : routes.choose(head.authority(), head.path(), routedHead, nowMs);
    const audited = isStill ? waiting.audited : routes.audited;
    const turn = waiting?.turn ?? new CacheTurn();
    const asked = this.#askOf(head, choice, cache, scheme);
    if (asked === null) {
      this.given = { choice, audited, answer: null };
      return null;
    }
    const answer = cache.ask(asked, turn);
    if (answer.kind === 'wait') {
      return { waiting: { choice, audited, turn, tableVersion }, until: answer.until };
    }
    if (answer.kind === 'serve' && answer.revalidation !== null) {
      this.#revalidate(answer.revalidation, head, choice, scheme);
    }
    this.given = { choice, audited, answer };
    return null;
  }

  /** Null: the cache has no part in it. */
  #askOf(
    head: RequestHead,
    choice: Choice,
    cache: RouteCache,
    scheme: FixedValue,
  ): CacheAsk | null {
    const place = cachedPlace(choice);
    if (place === null) return null;
    const { counter, revisionId } = place;
    const { headers } = this.#parts.routedHead;
    return {
      method: head.methodText(),
      scheme: scheme === https ? 'https' : 'http',
      authority: head.authority(),
      path: head.path(),
      hasBody: head.framing === framing.chunked || head.contentLength > 0,
      header: (name) => {
        const value = headers[name];
        return typeof value === 'string' ? value : null;
      },
      keepHeaders: () => keptHeaders(head),
      revisionId,
      isEvidence: cache.isSplit && !counter.isMatched && counter.setAside === null,
    };
  }

  #revalidate(errand: Errand, head: RequestHead, choice: Choice, scheme: FixedValue): void {
    if (choice.kind !== 'target' || this.#revalidations >= revalidationsMax) {
      errand.failed();
      return;
    }
    this.#revalidations += 1;
    const request: BackgroundRequest = backgroundRequest(head, () => {
      this.#revalidations -= 1;
      errand.failed();
    });
    // Chosen for the caller's answer, which no instance gave: it is this request's now.
    const given: Given = { choice, audited: null, answer: { kind: 'fetch', errand } };
    setImmediate(() => {
      this.take(request, given, scheme);
      request.start();
    });
  }
}

/** All that came, for as long as it is needed: the head's octets are overwritten. */
function keptHeaders(head: RequestHead): HeaderLookup {
  const values = new Map<string, string>();
  for (let index = 0; index < head.count; index += 1) {
    const name = head.name(index).toLowerCase();
    const before = values.get(name);
    const value = head.value(index);
    const separator = name === 'cookie' ? '; ' : ', ';
    values.set(name, before === undefined ? value : `${before}${separator}${value}`);
  }
  return (name) => values.get(name) ?? null;
}
