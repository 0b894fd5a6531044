import type { AnswerRelay } from './answer-relay.ts';
import type { OctetSocket } from './octet-socket.ts';
import type { RequestRelay } from './request-relay.ts';

/** Callers that wait for 100 Continue wait about so long, as curl does, before they send the body all the same. */
const instanceMs = 1000;
const interim = 'HTTP/1.1 100 Continue\r\n\r\n';

/**
 * A caller that waits for 100 Continue before it sends its body. The instance is asked in turn (RFC 9110 section 10.1.1), so
 * that it can refuse a body that nobody has sent yet; one that says nothing knows nothing of it, as HTTP/1.0 does, and the
 * caller is told to go on. So is one that has sent a part of its body already, at once.
 *
 * The one timer of this engine: such requests are few.
 */
export class Expectation {
  readonly #request: RequestRelay;
  readonly #answer: AnswerRelay;
  readonly #caller: OctetSocket;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: RequestRelay, answer: AnswerRelay, caller: OctetSocket) {
    this.#request = request;
    this.#answer = answer;
    this.#caller = caller;
  }

  /** The request is about to be sent. */
  sending(exchange: { readonly isUnderWay: boolean }): void {
    // Of an earlier request on the connection.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#request.isWhole) return;
    if (this.#request.wantsContinue) this.#tell();
    else if (this.#request.asksForContinue) {
      this.#timer = setTimeout(() => {
        const isSilent = !this.#answer.hasSpoken && this.#request.bodyBytes === 0;
        if (isSilent && exchange.isUnderWay) this.#tell();
      }, instanceMs);
      this.#timer.unref();
    }
  }

  #tell(): void {
    this.#answer.wish.hasContinued = true;
    this.#caller.write(interim);
  }
}
