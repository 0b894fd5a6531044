import type { CloudEvent } from '../domain/evidence/cd-events.ts';

/**
 * Somebody outside who takes events of what happened.
 *
 * - One try a call: who calls decides on another, and keeps the order.
 * - `taken` means that the receiver said so; anything else may have reached it all the same, so that it can get an event twice. It
 *   knows one by `source` and `id`.
 * - Rejects only with the signal's reason; what the world does is a value.
 */
export interface EventSink {
  /** For people and logs: never with a credential in it. */
  readonly shown: string;
  post(event: CloudEvent, signal: AbortSignal): Promise<PostOutcome>;
}

export type PostOutcome =
  | { readonly kind: 'taken' }
  /** The receiver does not want this very event, however often it is asked. */
  | { readonly kind: 'unwanted'; readonly what: string }
  /** Nothing is known to be wrong with the event: the same again later. */
  | {
      readonly kind: 'failed';
      readonly what: string;
      /** How long the receiver asks to be left alone; null: it did not say. */
      readonly retryAfterMs: number | null;
    };
