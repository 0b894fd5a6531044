import type { OctetSocket } from './octet-socket.ts';

/** Answers that come sooner meet no question. */
const askAfterMs = 500;
const askAgainMs = 100;
const questions = 2;
/** A silence within an answer that a caller who sends no more is waited for; tunnels too. */
export const halfClosedSilenceMs = 5000;

const interim = 'HTTP/1.1 100 Continue\r\n\r\n';

/**
 * A caller that has ended its side after its request: it waits for the answer, or it is gone. TCP tells both by the same
 * FIN. What tells them apart is to send something, for a connection that nobody has any more is reset then. So a caller of
 * HTTP/1.1 is sent 100 Continue, which all clients must be able to pass over whether they expect it or not (RFC 9110
 * section 15.2), and sent it again, since a socket read to its end shows a reset only to the next write.
 *
 * One object serves all requests of a connection; the first that it is begun for is its last.
 */
export class HalfClosed {
  isSo = false;
  #questionsLeft = 0;
  #untilMs = Infinity;

  /** `untilMs` is the deadline of the request. Returns the next time to look after it. */
  begin(
    nowMs: number,
    { untilMs, minorVersion }: { readonly untilMs: number; readonly minorVersion: number },
  ): number {
    this.isSo = true;
    this.#untilMs = untilMs;
    // RFC 9110 section 15.2: nothing of 1xx for HTTP/1.0. Such a caller is waited for as if it were there.
    this.#questionsLeft = minorVersion === 0 ? 0 : questions;
    return this.#questionsLeft === 0 ? untilMs : Math.min(untilMs, nowMs + askAfterMs);
  }

  /** Asks whether the caller is there, if that is due. Returns the next time to look; null: the request is late. */
  ask(socket: OctetSocket, nowMs: number): number | null {
    if (this.#questionsLeft === 0 || nowMs >= this.#untilMs) return null;
    this.#questionsLeft -= 1;
    socket.write(interim);
    return this.#questionsLeft === 0 ? this.#untilMs : Math.min(this.#untilMs, nowMs + askAgainMs);
  }
}
