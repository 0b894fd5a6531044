import type { CloudEvent } from '../../domain/evidence/cd-events.ts';
import type { EventSink, PostOutcome } from '../../ports/event-sink.ts';
import type { SinkAddress } from './sink-address.ts';

/**
 * Posts events one by one in the structured mode of the CloudEvents HTTP protocol binding 1.0 (section 3.2). Redirects are not
 * followed: they would take the credentials somewhere else.
 */
export class HttpEventSink implements EventSink {
  readonly shown: string;
  readonly #address: SinkAddress;
  readonly #timeoutMs: number;

  constructor(address: SinkAddress, options: { readonly timeoutMs: number }) {
    this.shown = address.shown;
    this.#address = address;
    this.#timeoutMs = options.timeoutMs;
  }

  async post(event: CloudEvent, signal: AbortSignal): Promise<PostOutcome> {
    signal.throwIfAborted();
    const { url, authorization } = this.#address;
    const limit = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/cloudevents+json',
          ...(authorization === null ? {} : { authorization }),
        },
        body: JSON.stringify(event),
        redirect: 'manual',
        signal: AbortSignal.any([signal, limit]),
      });
      await drain(response);
      return outcomeOf(response);
    } catch (error) {
      signal.throwIfAborted();
      const what = limit.aborted ? `no answer within ${this.#timeoutMs} ms` : reasonOf(error);
      return { kind: 'failed', what, retryAfterMs: null };
    }
  }
}

/**
 * Statuses that speak of the event: 400 and 422 (it is not understood), 409 (it, or its like, is there already), 413 (it is too
 * large). Any other refusal speaks of the address, the credentials or the moment, and the next event would meet the same.
 */
const UNWANTED: ReadonlySet<number> = new Set([400, 409, 413, 422]);

function outcomeOf({ status, headers }: Response): PostOutcome {
  if (status >= 200 && status < 300) return { kind: 'taken' };
  const what = `status ${status}`;
  if (UNWANTED.has(status)) return { kind: 'unwanted', what };
  return { kind: 'failed', what, retryAfterMs: retryAfterMs(headers) };
}

/** RFC 9110 section 10.2.3: seconds, or a date, which is compared with the answer's own so that no clocks have to agree. */
function retryAfterMs(headers: Headers): number | null {
  const value = headers.get('retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const untilMs = Date.parse(value) - Date.parse(headers.get('date') ?? '');
  return Number.isFinite(untilMs) ? Math.max(0, untilMs) : null;
}

/** What is read of an answer's body, so that its connection can serve again; a longer one is cut off. */
const bodyBytesMax = 64 * 1024;

async function drain(response: Response): Promise<void> {
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > bodyBytesMax) break;
    }
  } catch {
    // It was cut off, or took too long: the status was said before, and is what counts.
  }
}

/** Of a connection: its code, such as ECONNREFUSED, as messages of the system may repeat what they were given. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return 'the connection failed';
  return 'code' in cause ? String(cause.code) : cause.name;
}
