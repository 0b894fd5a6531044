import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/**
 * A request's body on its way to an instance, with back-pressure. It stands between so that an instance that stops
 * reading, or answers early, does not take the caller's connection with it, and so that the gateway knows whom it is
 * waiting for.
 */
export class RequestBody extends Readable {
  readonly #source: IncomingMessage;
  readonly #events: RequestBodyEvents;
  #isStarted = false;
  #isWanted = false;

  constructor(source: IncomingMessage, events: RequestBodyEvents) {
    super();
    this.#source = source;
    this.#events = events;
    // Whoever sends the body hears of its end by itself; an error after that must not end the process.
    this.on('error', () => {});
  }

  /** The instance would take more, but the caller has not sent it yet. */
  get waitsForCaller(): boolean {
    return this.#isStarted && this.#isWanted && !this.#source.complete;
  }

  override _read(): void {
    this.#isWanted = true;
    if (this.#isStarted) {
      this.#source.resume();
      return;
    }
    this.#isStarted = true;
    this.#events.onRead();
    this.#source.on('data', this.#data);
    this.#source.on('end', this.#end);
    this.#source.on('close', this.#close);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.off('data', this.#data);
    this.#source.off('end', this.#end);
    this.#source.off('close', this.#close);
    // What the caller still sends is read away, so that its connection can carry the answer and the next request.
    this.#source.resume();
    done(error);
  }

  readonly #data = (chunk: Buffer): void => {
    this.#events.onChunk(chunk);
    this.#isWanted = this.push(chunk);
    if (!this.#isWanted) this.#source.pause();
  };

  readonly #end = (): void => {
    this.#events.onWhole();
    this.push(null);
  };

  readonly #close = (): void => {
    if (!this.#source.complete) this.destroy(new Error('the caller hung up within the body'));
  };
}

export interface RequestBodyEvents {
  /** Once: the instance wants the first byte. */
  readonly onRead: () => void;
  /** A piece came from the caller. */
  readonly onChunk: (chunk: Buffer) => void;
  /** Nothing is left to come from the caller. */
  readonly onWhole: () => void;
}

/** Whether a request has a body at all (RFC 9112 section 6.3). */
export function hasBody({ headers }: IncomingMessage): boolean {
  if (headers['transfer-encoding'] !== undefined) return true;
  return headers['content-length'] !== undefined && headers['content-length'] !== '0';
}
