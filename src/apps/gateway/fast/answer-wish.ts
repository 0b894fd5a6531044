import type { Errand } from '../cache/errand.ts';
import type { FixedLines } from '../http1/fixed-lines.ts';
import type { RequestHead } from '../http1/head.ts';
import { method } from '../http1/methods.ts';
import type { Parts } from './parts.ts';

/** What the answer's way to the caller depends on. */
export interface AnswerWish {
  isHead: boolean;
  minorVersion: number;
  keepAlive: boolean;
  /** The answer comes before the request is whole, or in a drain: nothing follows it. */
  isLast: boolean;
  wantsTunnel: boolean;
  takesTrailers: boolean;
  /** 100 Continue has been sent already. */
  hasContinued: boolean;
  lines: FixedLines | null;
  /** Whether a final answer with this status is not to be handed on; null: every one is. */
  turnsDown: ((status: number) => boolean) | null;
  /** Hears of the answer, to keep it; null: nobody does. */
  errand: Errand | null;
}

export function newWish(): AnswerWish {
  return {
    isHead: false,
    minorVersion: 1,
    keepAlive: true,
    isLast: false,
    wantsTunnel: false,
    takesTrailers: false,
    hasContinued: false,
    lines: null,
    turnsDown: null,
    errand: null,
  };
}

/** What the head of a request asks for; `lines`, `turnsDown` and `errand` follow when its target is known. */
export function wishFor(
  wish: AnswerWish,
  head: RequestHead,
  { opinion, isDraining }: Pick<Parts, 'opinion' | 'isDraining'>,
): void {
  wish.isHead = head.method === method.head;
  wish.minorVersion = head.minorVersion;
  wish.keepAlive = head.keepAlive && opinion.keepAlive && !isDraining;
  wish.wantsTunnel = head.wantsTunnel;
  wish.takesTrailers = head.acceptsTrailers;
  wish.hasContinued = false;
  wish.errand = null;
  if (head.wantsTunnel) wish.keepAlive = false;
}
