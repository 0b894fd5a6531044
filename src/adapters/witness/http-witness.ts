import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { parseSize } from '../../domain/evidence/checkpoint.ts';
import { parseNoteLines } from '../../domain/evidence/signed-note.ts';
import { formatWitnessRequest } from '../../domain/evidence/witness-request.ts';
import type { WitnessRequest } from '../../domain/evidence/witness-request.ts';
import { WitnessError } from '../../ports/witness.ts';
import type { Witness, WitnessAnswer } from '../../ports/witness.ts';

/** Speaks c2sp.org/tlog-witness with one witness; redirects are not followed. */
export class HttpWitness implements Witness {
  readonly #url: string;
  readonly #timeoutMs: number;

  /** `submissionPrefix` as `http://127.0.0.1:7490`; what comes after it is `/add-checkpoint`. */
  constructor(submissionPrefix: string, options: { readonly timeoutMs: number }) {
    this.#url = `${submissionPrefix.replace(/\/+$/, '')}/add-checkpoint`;
    this.#timeoutMs = options.timeoutMs;
  }

  async addCheckpoint(request: WitnessRequest, signal: AbortSignal): Promise<WitnessAnswer> {
    signal.throwIfAborted();
    const both = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)]);
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        body: formatWitnessRequest(request),
        redirect: 'error',
        signal: both,
      });
      return answerOf(response, await boundedText(response));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof WitnessError) throw error;
      const code = error instanceof EvidenceError ? 'bad-answer' : 'unreachable';
      throw new WitnessError(code, `the witness ${this.#url}: ${reasonOf(error)}`, error);
    }
  }
}

/** Some cosignatures of 3.3 kB; a witness that sends more is none. */
const MAX_ANSWER_BYTES = 64 * 1024;
const REFUSALS = new Set([400, 403, 404, 409, 422]);

function answerOf(response: Response, text: string): WitnessAnswer {
  const { status } = response;
  if (status === 200) return { kind: 'cosigned', lines: parseNoteLines(text) };
  if (status === 409 && response.headers.get('content-type') === 'text/x.tlog.size') {
    if (!text.endsWith('\n')) throw new EvidenceError('the size it knows is cut off');
    return { kind: 'stale', size: parseSize(text.slice(0, -1), 'the size it knows') };
  }
  if (REFUSALS.has(status)) return { kind: 'refused', status, reason: text.trim().slice(0, 200) };
  throw new EvidenceError(`it answered with status ${status}`);
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new EvidenceError(`it answered with more than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** fetch hides what happened in the cause of its error. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'it did not answer in time';
  return error.cause instanceof Error ? error.cause.message : error.message;
}
