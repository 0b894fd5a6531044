import { type CacheStatus, cacheStatusText } from '../../../domain/cache/cache-status.ts';
import type { CacheRule } from '../../../domain/cache/cache-rule.ts';
import { secondaryKey } from '../../../domain/cache/cache-key.ts';
import type { Field } from '../../../domain/cache/http-fields.ts';
import { freshened } from '../../../domain/cache/freshening.ts';
import { isStandInStatus, standsIn } from '../../../domain/cache/reuse.ts';
import { ageMs, type StoredAnswer } from '../../../domain/cache/stored-answer.ts';
import { type FetchedHead, storing } from '../../../domain/cache/storing.ts';
import { answerDirectives, type RequestDirectives } from '../../../domain/cache/cache-control.ts';
import {
  type HeaderLookup,
  type Rendering,
  rendering,
} from '../../../domain/cache/preconditions.ts';
import type { Flight } from './flights.ts';

/** A stored answer on its way to a caller. */
export interface Served {
  readonly answer: StoredAnswer;
  readonly rendering: Rendering;
  readonly ageMs: number;
  /** Value of `Cache-Status`. */
  readonly status: string;
}

/** What an engine does with the head of an instance's answer. */
export type HeadOrder =
  /** Hands it on, with this value of `Cache-Status`. */
  | { readonly kind: 'pass'; readonly status: string }
  /** Gives this in its place, and drops the instance's body. */
  | { readonly kind: 'replace'; readonly served: Served }
  /** It is no answer to what was asked. */
  | { readonly kind: 'bad' };

/** The part of an errand that engines know: told of the answer as it passes. */
export interface Errand {
  /** Lines that the instance is asked with in place of the caller's own conditions; null: as the caller asked. */
  readonly validators: readonly Field[] | null;
  head(head: FetchedHead): HeadOrder;
  /** A piece of the body: it is copied. */
  data(bytes: Uint8Array): void;
  whole(): void;
  /** No answer came, or not all of it; another one may stand in if nothing of it was handed on. Harmless after `whole`. */
  failed(): Served | null;
}

/** Where a fetched answer goes. */
export interface ErrandHome {
  readonly rule: CacheRule;
  /** `requestAtMs` of a stored answer is compared with this: a purge, or an unsafe request, came meanwhile. */
  isOutdated(fetch: FetchErrand): boolean;
  store(fetch: FetchErrand, secondary: string, answer: StoredAnswer): void;
  remove(fetch: FetchErrand): void;
  /** It may not be shared, so nobody shall wait for the next one. */
  unshared(fetch: FetchErrand): void;
  ended(fetch: FetchErrand, durationMs: number | null): void;
}

export interface FetchOptions {
  readonly primary: string;
  readonly directives: RequestDirectives;
  readonly hasAuthorization: boolean;
  /** The caller's, copied: those that its answer could be chosen by are not known yet. */
  readonly header: HeaderLookup;
  /** What is there already, stale or asked about; null: nothing. */
  readonly known: StoredAnswer | null;
  readonly validators: readonly Field[] | null;
  readonly because: Extract<CacheStatus, { kind: 'forward' }>['because'];
  /** Null: nobody waits for it. */
  readonly flight: Flight | null;
}

/**
 * A request that goes to an instance and fills the cache with its answer.
 *
 * - N1. What is stored was fetched whole; what came in part, or is beyond the bound, is not.
 * - N2. Those that wait are told as soon as it is known that there is nothing to wait for.
 */
export class FetchErrand implements Errand {
  readonly primary: string;
  readonly requestAtMs = Date.now();
  readonly validators: readonly Field[] | null;
  readonly #home: ErrandHome;
  readonly #options: FetchOptions;
  #answer: Omit<StoredAnswer, 'body'> | null = null;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isOver = false;
  /** An unsafe request has made it out of date. */
  isTainted = false;

  constructor(home: ErrandHome, options: FetchOptions) {
    this.#home = home;
    this.#options = options;
    this.primary = options.primary;
    this.validators = options.validators;
  }

  head(head: FetchedHead): HeadOrder {
    const { known, validators, because } = this.#options;
    // Of an attempt before this one.
    this.#answer = null;
    this.#pieces.length = 0;
    this.#bytes = 0;
    if (head.status === 304 && validators !== null && known !== null) {
      return this.#notModified(known, head);
    }
    const standIn = isStandInStatus(head.status) ? this.#standIn(head.status) : null;
    if (standIn !== null) {
      this.#end('failed');
      return { kind: 'replace', served: standIn };
    }
    const isKept = this.#keeps(head);
    // A new answer that may not be kept has taken the place of the old one all the same.
    if (!isKept && known !== null && head.status < 500) this.#home.remove(this);
    return {
      kind: 'pass',
      status: cacheStatusText({ kind: 'forward', because, stored: isKept }),
    };
  }

  data(bytes: Uint8Array): void {
    if (this.#isOver || this.#answer === null) return;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#home.rule.entryBytesMax) {
      this.#pieces.length = 0;
      this.#end('not-shared');
      return;
    }
    // Copied, since the octets lie in a buffer that is read into again.
    this.#pieces.push(Uint8Array.prototype.slice.call(bytes));
  }

  whole(): void {
    if (this.#isOver || this.#answer === null) return;
    const body = Buffer.allocUnsafeSlow(this.#bytes);
    let at = 0;
    for (const piece of this.#pieces) {
      body.set(piece, at);
      at += piece.length;
    }
    this.#store({ ...this.#answer, body });
    this.#end('stored', Date.now() - this.requestAtMs);
  }

  failed(): Served | null {
    if (this.#isOver) return null;
    const standIn = this.#answer === null ? this.#standIn(null) : null;
    this.#end('failed');
    return standIn;
  }

  /** Whether it is being kept. */
  #keeps(head: FetchedHead): boolean {
    if (this.#isOver) return false;
    const { directives, hasAuthorization } = this.#options;
    const times = { requestAtMs: this.requestAtMs, responseAtMs: Date.now() };
    const asked = { directives, hasAuthorization, ...times };
    const found = storing(head, asked, this.#home.rule);
    if (found.kind === 'store' && secondaryKey(found.answer.vary, this.#options.header) !== null) {
      this.#answer = found.answer;
      return true;
    }
    const isFailure = head.status >= 500;
    if (!isFailure) this.#home.unshared(this);
    this.#end(isFailure ? 'failed' : 'not-shared', times.responseAtMs - this.requestAtMs);
    return false;
  }

  #notModified(known: StoredAnswer, head: FetchedHead): HeadOrder {
    const times = { requestAtMs: this.requestAtMs, responseAtMs: Date.now() };
    const answer = freshened(known, head, times, this.#home.rule);
    if (answer === null) {
      this.#home.remove(this);
      this.#end('failed');
      return { kind: 'bad' };
    }
    const { noStore, isPrivate } = answerDirectives(head.fields);
    const isShared = !noStore && !isPrivate;
    if (isShared) this.#store(answer);
    else {
      // From now on it is for the one who asked, as the 304 says.
      this.#home.remove(this);
      this.#home.unshared(this);
    }
    this.#end(isShared ? 'stored' : 'not-shared', times.responseAtMs - this.requestAtMs);
    const status = cacheStatusText({
      kind: 'forward',
      because: this.#options.because,
      status: 304,
    });
    return { kind: 'replace', served: this.#served(answer, status) };
  }

  #store(answer: StoredAnswer): void {
    const secondary = secondaryKey(answer.vary, this.#options.header);
    if (secondary === null || this.isTainted || this.#home.isOutdated(this)) return;
    this.#home.store(this, secondary, answer);
    const { terms } = answer;
    // Whoever waited would have to ask all the same.
    if (terms.lifetimeMs <= terms.initialAgeMs) this.#home.unshared(this);
    else if (this.#options.flight !== null) this.#options.flight.brought = { secondary, answer };
  }

  #standIn(status: number | null): Served | null {
    const { known, directives, because } = this.#options;
    if (known === null || this.isTainted || this.#home.isOutdated(this)) return null;
    if (!standsIn(known.terms, directives, Date.now())) return null;
    const told = status === null ? {} : { status };
    return this.#served(known, cacheStatusText({ kind: 'forward', because, ...told }));
  }

  #served(answer: StoredAnswer, status: string): Served {
    const { header } = this.#options;
    const bodyBytes = answer.body.byteLength;
    return {
      answer,
      rendering: rendering({ status: answer.status, fields: answer.fields, bodyBytes }, header),
      ageMs: ageMs(answer.terms, Date.now()),
      status,
    };
  }

  #end(how: 'stored' | 'not-shared' | 'failed', durationMs: number | null = null): void {
    this.#isOver = true;
    this.#home.ended(this, durationMs);
    this.#options.flight?.land(how);
  }
}
