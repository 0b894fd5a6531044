import type { RequestHead } from '../http1/head.ts';
import type { FixedValue } from '../http1/fixed-lines.ts';
import type { Shadow } from '../mirror.ts';
import { mirrorCopiesMax, Slots } from '../slots.ts';
import type { Treatment } from '../treatment.ts';
import { MirrorCopy } from './mirror-copy.ts';
import type { Parts } from './parts.ts';
import { ShadowExchange } from './shadow-exchange.ts';

interface CopiedCaller {
  readonly address: FixedValue;
}

/** All copies of an engine: what is being taken down, and what is under way. */
export class Mirrors {
  readonly #parts: Parts;
  readonly #slots = new Slots(mirrorCopiesMax);
  readonly #underWay = new Set<ShadowExchange>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** A copy of a request whose head is there, to be taken down as it comes; null: none is to be made, or there are too many. */
  copy({ shadow }: Treatment, head: RequestHead, { address }: CopiedCaller): MirrorCopy | null {
    if (shadow === null || head.wantsTunnel) return null;
    if (!this.#slots.take()) {
      shadow.dropped('mirror-overflow');
      return null;
    }
    const additions = this.#parts.requestAdditions;
    additions.callerAddress = address;
    return new MirrorCopy(shadow, this.#slots, { head, additions }, (message) => {
      this.#send(message, shadow);
    });
  }

  sweep(nowMs: number): void {
    for (const exchange of this.#underWay) if (exchange.untilMs <= nowMs) exchange.late();
  }

  destroy(): void {
    for (const exchange of this.#underWay) exchange.late();
  }

  #send(message: Buffer, shadow: Shadow): void {
    const untilMs = performance.now() + shadow.timeoutMs;
    const exchange = new ShadowExchange(this.#parts, { shadow, message, untilMs }, (ended) => {
      this.#underWay.delete(ended);
      this.#slots.giveBack();
    });
    this.#underWay.add(exchange);
    exchange.start();
  }
}
