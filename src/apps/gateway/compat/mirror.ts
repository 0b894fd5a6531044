import type { IncomingMessage } from 'node:http';
import type { Dispatcher } from 'undici';
import { mirrorBodyBytesMax } from '../../../domain/traffic/mirror.ts';
import { noAnswer } from '../counters.ts';
import type { EndpointPools } from './endpoint-pools.ts';
import { requestHeaders } from '../forwarded-headers.ts';
import { mirrorHeader, type Shadow } from '../mirror.ts';
import { mirrorCopiesMax, Slots } from '../slots.ts';

export interface MirroredRequest {
  readonly request: IncomingMessage;
  readonly authority: string;
  readonly path: string;
}

/** Copies of requests for their shadows, by undici; see Mirror for what holds of them. */
export class CompatMirrors {
  readonly #pools: EndpointPools;
  readonly #slots = new Slots(mirrorCopiesMax);

  constructor(pools: EndpointPools) {
    this.#pools = pools;
  }

  /** Null: there are too many, or the body is too large. */
  copy(mirrored: MirroredRequest, shadow: Shadow): CompatCopy | null {
    if (Number(mirrored.request.headers['content-length'] ?? 0) > mirrorBodyBytesMax) {
      shadow.dropped('mirror-too-large');
      return null;
    }
    if (!this.#slots.take()) {
      shadow.dropped('mirror-overflow');
      return null;
    }
    return new CompatCopy(shadow, {
      send: (body) => this.#send(mirrored, shadow, body),
      giveBack: () => this.#slots.giveBack(),
    });
  }

  #send(mirrored: MirroredRequest, shadow: Shadow, body: Buffer | null): void {
    const { request, authority, path } = mirrored;
    const pool = this.#pools.pool(shadow.target);
    if (pool === null) {
      shadow.dropped('mirror-overflow');
      this.#slots.giveBack();
      return;
    }
    const answer = new ShadowAnswer(shadow, () => this.#slots.giveBack());
    const headers = [...requestHeaders(request, authority), mirrorHeader, 'true'];
    try {
      pool.dispatch({ path, method: request.method ?? 'GET', headers, body }, answer);
    } catch {
      answer.onResponseError();
    }
  }
}

/** A request as it comes, taken down until it is whole. */
export class CompatCopy {
  readonly #shadow: Shadow;
  readonly #events: { readonly send: (body: Buffer | null) => void; readonly giveBack: () => void };
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #isOver = false;

  constructor(
    shadow: Shadow,
    events: { readonly send: (body: Buffer | null) => void; readonly giveBack: () => void },
  ) {
    this.#shadow = shadow;
    this.#events = events;
  }

  add(piece: Buffer): void {
    if (this.#isOver) return;
    this.#bytes += piece.length;
    this.#pieces.push(piece);
    if (this.#bytes <= mirrorBodyBytesMax) return;
    this.letGo();
    this.#shadow.dropped('mirror-too-large');
  }

  whole(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.send(this.#pieces.length === 0 ? null : Buffer.concat(this.#pieces));
  }

  /** It never will be whole. Harmless after `whole`. */
  letGo(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pieces.length = 0;
    this.#events.giveBack();
  }
}

/** The shadow's answer: counted, and dropped. */
class ShadowAnswer implements Dispatcher.DispatchHandler {
  readonly #shadow: Shadow;
  readonly #onEnd: () => void;
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #controller: Dispatcher.DispatchController | null = null;
  #statusClass = noAnswer;
  #isOver = false;

  constructor(shadow: Shadow, onEnd: () => void) {
    this.#shadow = shadow;
    this.#onEnd = onEnd;
    shadow.target.counter.underWay += 1;
    this.#timer = setTimeout(() => {
      this.#end(noAnswer);
      this.#controller?.abort(new Error('the copy took too long'));
    }, shadow.timeoutMs);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('the copy has waited too long'));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, statusCode: number): void {
    if (statusCode >= 200) this.#statusClass = Math.min(4, Math.floor(statusCode / 100) - 1);
  }

  onResponseData(): void {}

  onResponseEnd(): void {
    this.#end(this.#statusClass);
  }

  onResponseError(): void {
    this.#end(noAnswer);
  }

  #end(statusClass: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    const { counter } = this.#shadow.target;
    counter.underWay -= 1;
    counter.count(statusClass, (performance.now() - this.#startedMs) * 1000);
    this.#onEnd();
  }
}
