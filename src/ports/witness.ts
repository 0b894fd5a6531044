import type { NoteLine } from '../domain/evidence/signed-note.ts';
import type { WitnessRequest } from '../domain/evidence/witness-request.ts';

/**
 * Somebody outside who remembers the newest checkpoint of a log and cosigns only what continues it (c2sp.org/tlog-witness).
 *
 * - One try a call: who calls decides on another. The signal bounds it.
 * - What comes back is a claim: the lines are not verified here.
 */
export interface Witness {
  addCheckpoint(request: WitnessRequest, signal: AbortSignal): Promise<WitnessAnswer>;
}

export type WitnessAnswer =
  | { readonly kind: 'cosigned'; readonly lines: readonly NoteLine[] }
  /** 409 with a size: the witness knows a checkpoint of this size, not of the one the request says. */
  | { readonly kind: 'stale'; readonly size: bigint }
  /** 400, 403, 404, 409 without a size, 422: it will not cosign this, however often it is asked. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string };

/** There was no answer, or none that is one. Always worth another try. */
export class WitnessError extends Error {
  override readonly name = 'WitnessError';
  readonly code: 'unreachable' | 'bad-answer';
  readonly retryable = true;

  constructor(code: WitnessError['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
