import type { RequestHead } from '../http1/head.ts';
import type { RequestAdditions } from '../http1/request-writer.ts';
import { MirrorSlots, type Shadow } from '../mirror.ts';
import { MirrorCopy } from './mirror-copy.ts';
import type { Parts } from './parts.ts';
import { ShadowExchange } from './shadow-exchange.ts';

/** All copies of an engine: what is being taken down, and what is under way. */
export class Mirrors {
  readonly #parts: Parts;
  readonly #slots = new MirrorSlots();
  readonly #underWay = new Set<ShadowExchange>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A copy of a request whose head is there; null: there are too many. It has `timeoutMs` from when it is whole. */
  copy(
    shadow: Shadow,
    head: RequestHead,
    additions: RequestAdditions,
    timeoutMs: number,
  ): MirrorCopy | null {
    if (!this.#slots.take()) {
      shadow.dropped('mirror-overflow');
      return null;
    }
    return new MirrorCopy(shadow, this.#slots, { head, additions }, (message) => {
      this.#send(message, shadow, timeoutMs);
    });
  }

  sweep(nowMs: number): void {
    for (const exchange of this.#underWay) if (exchange.untilMs <= nowMs) exchange.late();
  }

  destroy(): void {
    for (const exchange of this.#underWay) exchange.late();
  }

  #send(message: Buffer, shadow: Shadow, timeoutMs: number): void {
    const untilMs = performance.now() + timeoutMs;
    const exchange = new ShadowExchange(this.#parts, { shadow, message, untilMs }, (ended) => {
      this.#underWay.delete(ended);
      this.#slots.giveBack();
    });
    this.#underWay.add(exchange);
    exchange.start();
  }
}
