import type { Dispatcher } from 'undici';
import type { RequestErrorKind } from '../../domain/load/load-result.ts';

/** How a request ended: with a complete answer, or without one. */
export type RequestOutcome =
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'failed'; readonly error: RequestErrorKind };

export interface RequestListener {
  /** Milliseconds since the start of the run. */
  nowMs(): number;
  /** Once at most: the request went on the wire, or its connection failed. */
  onSent(atMs: number): void;
  /** Exactly once. */
  onEnded(request: LoadRequest, outcome: RequestOutcome): void;
  /** Once for each request given to the pool, when the pool is done with it; not before `onEnded`. */
  onReleased(): void;
}

/** What a request is abandoned with when its time is up. Made once: a stack trace for each would be dear. */
export const requestTimeout = new Error('the request did not end within its time limit');

/** One request of the schedule, from its intended start to its end. Its offsets count from the start of the run. */
export class LoadRequest implements Dispatcher.DispatchHandler {
  readonly intendedMs: number;
  /** When it was first written on a connection; null: not yet, or never. */
  sentMs: number | null = null;
  isEnded = false;
  readonly #listener: RequestListener;
  #status = 0;
  #controller: Dispatcher.DispatchController | null = null;

  constructor(intendedMs: number, listener: RequestListener) {
    this.intendedMs = intendedMs;
    this.#listener = listener;
  }

  /** Ends the request now, wherever it is: waiting, connecting, or on the wire. */
  abandon(reason: Error): void {
    this.#end({ kind: 'failed', error: errorKindOf(reason) });
    this.#controller?.abort(reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.isEnded) {
      controller.abort(requestTimeout);
      return;
    }
    this.#controller = controller;
    if (this.sentMs !== null) return;
    this.sentMs = this.#listener.nowMs();
    this.#listener.onSent(this.sentMs);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  /** The body is read and thrown away. */
  onResponseData(): void {}

  onResponseEnd(): void {
    this.#end({ kind: 'answered', status: this.#status });
    this.#listener.onReleased();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.isEnded && this.sentMs === null) this.#listener.onSent(this.#listener.nowMs());
    this.#end({ kind: 'failed', error: errorKindOf(error) });
    this.#listener.onReleased();
  }

  #end(outcome: RequestOutcome): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#listener.onEnded(this, outcome);
  }
}

/** Node's system error codes and undici's own (docs/docs/api/Errors.md there), as our kinds. */
const kindByCode: Readonly<Record<string, RequestErrorKind>> = {
  ECONNREFUSED: 'connect-refused',
  UND_ERR_CONNECT_TIMEOUT: 'connect-failed',
  ETIMEDOUT: 'connect-failed',
  EHOSTUNREACH: 'connect-failed',
  ENETUNREACH: 'connect-failed',
  EADDRNOTAVAIL: 'connect-failed',
  ENOTFOUND: 'connect-failed',
  EAI_AGAIN: 'connect-failed',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'bad-answer',
  UND_ERR_HEADERS_OVERFLOW: 'bad-answer',
};

export function errorKindOf(error: Error): RequestErrorKind {
  if (error === requestTimeout) return 'timeout';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  // llhttp, the parser, names its errors HPE_*; one that its name does not fit has the class alone.
  if (code.startsWith('HPE_') || error.name === 'HTTPParserError') return 'bad-answer';
  return kindByCode[code] ?? 'other';
}
