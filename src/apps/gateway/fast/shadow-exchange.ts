import { noAnswer } from '../counters.ts';
import type { Shadow } from '../mirror.ts';
import { BodyReader } from '../http1/body-reader.ts';
import { bodyStep } from '../http1/chunked-decoder.ts';
import { incomplete, refused, type ResponseHead } from '../http1/head.ts';
import { HeadReader } from '../http1/head-reader.ts';
import { parseResponseHead } from '../http1/response-head.ts';
import type { ConnectionUser, InstanceConnection } from './instance-connection.ts';
import type { ConnectionSeeker, InstancePool } from './instance-pool.ts';
import { keepMsOf } from './keep-alive-hint.ts';
import type { Parts } from './parts.ts';

/** More of an answer's body than this is not read: it says nothing more. */
const answerBytesMax = 1024 * 1024;

/**
 * One copy on its way to the shadow's instance. Its answer is read, counted and dropped; nobody waits for it, and it is
 * tried once.
 */
export class ShadowExchange implements ConnectionUser, ConnectionSeeker {
  readonly untilMs: number;
  readonly #parts: Parts;
  readonly #shadow: Shadow;
  readonly #message: Buffer;
  readonly #isHead: boolean;
  readonly #startedMs: number;
  readonly #onEnd: (exchange: ShadowExchange) => void;
  readonly #heads = new HeadReader(parseResponseHead);
  readonly #body: BodyReader;
  #pool: InstancePool | null = null;
  #connection: InstanceConnection | null = null;
  #status = 0;
  #keepMs = 0;
  #bodyBytes = 0;
  #isOver = false;

  /** `untilMs` is of `performance.now()`. */
  constructor(
    parts: Parts,
    copy: { readonly shadow: Shadow; readonly message: Buffer; readonly untilMs: number },
    onEnd: (exchange: ShadowExchange) => void,
  ) {
    this.#parts = parts;
    this.#shadow = copy.shadow;
    this.#message = copy.message;
    this.untilMs = copy.untilMs;
    this.#isHead = copy.message.toString('latin1', 0, 5) === 'HEAD ';
    this.#startedMs = performance.now();
    this.#onEnd = onEnd;
    this.#body = new BodyReader(parts.trailers);
  }

  start(): void {
    const { target } = this.#shadow;
    target.counter.underWay += 1;
    this.#pool = this.#parts.pools.pool(target);
    if (this.#pool.seek(this, this.#startedMs)) return;
    this.#shadow.dropped('mirror-overflow');
    this.#end(null);
  }

  take(connection: InstanceConnection): void {
    this.#connection = connection;
    connection.user = this;
    if (connection.isConnected) this.connected();
  }

  connected(): void {
    this.#connection?.write(this.#message);
  }

  connectFailed(): void {
    this.#connection = null;
    this.#end(noAnswer);
  }

  read(bytes: Buffer): void {
    try {
      this.#read(bytes);
    } catch (error) {
      this.#parts.broken(error);
      this.#end(noAnswer);
    }
  }

  drained(): void {}

  closed(error: Error | null): void {
    this.#connection = null;
    const isWhole = error === null && this.#status > 0 && this.#body.finish() === bodyStep.done;
    this.#end(isWhole ? this.#statusClass() : noAnswer);
  }

  /** Its time is over, or the engine's. */
  late(): void {
    this.#end(noAnswer);
  }

  #read(bytes: Buffer): void {
    let at = 0;
    while (this.#status === 0) {
      const next = this.#readHead(bytes, at);
      if (next < 0) return;
      at = next;
    }
    for (;;) {
      const step = this.#body.step(bytes, at, bytes.length);
      if (step === bodyStep.data) {
        this.#bodyBytes += this.#body.dataEnd - this.#body.dataStart;
        at = this.#body.next;
        if (this.#bodyBytes <= answerBytesMax) continue;
        this.#end(this.#statusClass());
        return;
      }
      if (step === bodyStep.more) return;
      // What comes behind an answer, nobody asked for.
      const isClean = step === bodyStep.done && this.#body.next === bytes.length;
      if (isClean) this.#giveBack();
      this.#end(step === bodyStep.done ? this.#statusClass() : noAnswer);
      return;
    }
  }

  /** The offset behind a head, or -1: there is no whole one yet, or never will be. */
  #readHead(bytes: Buffer, at: number): number {
    const { responseHead: head, opinion } = this.#parts;
    head.answersHead = this.#isHead;
    const next = this.#heads.read(head, bytes, at);
    if (next === incomplete) return -1;
    if (next === refused || head.status === 101 || !opinion.agreesOnResponse(head)) {
      this.#end(noAnswer);
      return -1;
    }
    if (head.status >= 200) this.#begin(head);
    return next;
  }

  #begin(head: ResponseHead): void {
    this.#status = head.status;
    this.#keepMs = head.keepAlive && this.#parts.opinion.keepAlive ? keepMsOf(head) : 0;
    this.#body.begin(head);
  }

  #statusClass(): number {
    return Math.min(4, Math.floor(this.#status / 100) - 1);
  }

  #giveBack(): void {
    const connection = this.#connection;
    this.#connection = null;
    if (connection !== null) this.#pool?.release(connection, performance.now(), this.#keepMs);
  }

  /** Null: it was never sent. */
  #end(statusClass: number | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { counter } = this.#shadow.target;
    counter.underWay -= 1;
    if (statusClass !== null) {
      counter.count(statusClass, (performance.now() - this.#startedMs) * 1000);
    }
    this.#pool?.leave(this);
    this.#connection?.destroy();
    this.#connection = null;
    this.#onEnd(this);
  }
}
