import type { JsonObject, JsonValue } from '../../domain/evidence/canonical-json.ts';
import { sha256Hex } from '../../domain/evidence/digest.ts';
import type { LoadResult } from '../../domain/load/load-result.ts';
import { countText, rateText, secondsText } from '../../domain/release/wording/amount-text.ts';
import type { ServiceState } from '../../domain/release/service-state.ts';
import { isFinal } from '../../domain/release/service-state.ts';
import type { BlobKeeper } from '../recording/blob-keeper.ts';
import type { Recorder } from '../recording/recorder.ts';

export const LOAD_RESULT_TYPE = 'application/vnd.tidegate.load-result.v1+json';

/** A load that somebody sent, and what it found. */
export interface LoadTest {
  readonly by: { readonly who: string; readonly why: string | null };
  /** Path and query that were asked for. */
  readonly path: string;
  /** Null: none was wanted. */
  readonly thresholds: { readonly errorRatioMax: number | null; readonly p99MsMax: number | null };
  /** In words; empty: all held. */
  readonly failedThresholds: readonly string[];
  readonly result: LoadResult;
}

export interface RecordedLoadTest {
  readonly index: number;
  readonly sentence: string;
  readonly rolloutId: string | null;
  /** Of the blob with the whole result. */
  readonly sha256: string;
  /** Why the blob could not be kept; null: it is. */
  readonly notKept: string | null;
}

/**
 * Makes a load test evidence: the whole result with its series is a blob, and an entry (`load-test`) has its digest, its figures, who
 * sent it and which rollout was under way. The server has not seen the load: what is recorded is what its sender says of it.
 */
export class LoadDesk {
  readonly #parts: LoadDeskParts;

  constructor(parts: LoadDeskParts) {
    this.#parts = parts;
  }

  /** Resolves when the entry is durable. */
  async record(
    state: ServiceState,
    test: LoadTest,
    signal: AbortSignal,
  ): Promise<RecordedLoadTest> {
    const { keeper, recorder } = this.#parts;
    const service = state.name;
    const rolloutId = rolloutDuring(state, test.result);
    const bytes = Buffer.from(`${JSON.stringify(test.result)}\n`);
    const name = `load-test-${test.result.startedAtMs}.json`;
    const blob = {
      name,
      mediaType: LOAD_RESULT_TYPE,
      sha256: sha256Hex(bytes),
      sizeBytes: bytes.length,
    };
    const items = [{ name, mediaType: LOAD_RESULT_TYPE, bytes }];
    const { refused } = await keeper.keep({ service, rolloutId }, items, signal);
    const sentence = sentenceOf(service, test);
    const data = { service, rolloutId, sentence, ...entryData(test, blob) };
    const entry = {
      type: 'load-test',
      subjects: [{ name, sha256: blob.sha256 }],
      // Sent again after an answer that was lost, it is the same entry.
      idempotencyKey: `load-test ${service} ${blob.sha256}`,
      data,
    } as const;
    const batch = { stream: LOAD_STREAM, entries: [entry], blobs: [] };
    const [place] = await recorder.record(batch, signal);
    if (place === undefined) throw new Error('a load test is one entry');
    const notKept = refused[0]?.reason ?? null;
    return { index: place.index, sentence, rolloutId, sha256: blob.sha256, notKept };
  }
}

export interface LoadDeskParts {
  readonly keeper: Pick<BlobKeeper, 'keep'>;
  readonly recorder: Pick<Recorder, 'record'>;
}

/** Stream of the ledger. Apart from the services' own, which are the history that their state is recovered from. */
export const LOAD_STREAM = 'load-tests';

interface Described {
  readonly name: string;
  readonly mediaType: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** `result` in the words of in-toto's test-result v0.1; the blob as its ResourceDescriptor. */
function entryData(test: LoadTest, blob: Described): JsonObject {
  const { by, path, thresholds, failedThresholds, result } = test;
  const { series: _inTheBlob, ...figures } = result;
  const { name, mediaType, sha256, sizeBytes } = blob;
  return {
    decision: 'load-test',
    result: hasPassed(test) ? 'PASSED' : 'FAILED',
    by: { ...by },
    path,
    thresholds: { ...thresholds },
    failedThresholds: [...failedThresholds],
    // Plain data without absent keys but those that JSON leaves out.
    figures: JSON.parse(JSON.stringify(figures)) as JsonValue,
    blob: { annotations: { sizeBytes }, digest: { sha256 }, mediaType, name },
  };
}

function hasPassed({ result, failedThresholds }: LoadTest): boolean {
  return result.valid && failedThresholds.length === 0;
}

function sentenceOf(service: string, { result, failedThresholds }: LoadTest): string {
  const { achievedRps, targetRps, durationMs, requests, errors, p99Ms } = result;
  const rate = `${countText(achievedRps)} of ${rateText(targetRps)} for ${secondsText(durationMs)}`;
  const found = `${countText(requests)} sent, ${countText(errors)} failed, p99 ${Number(p99Ms.toPrecision(3))} ms`;
  const wrong = [...result.invalidBecause, ...failedThresholds];
  const verdict = wrong.length === 0 ? 'passed' : wrong.join('; ');
  return `load test of ${service}, ${rate}: ${found}; ${verdict}`;
}

/** The newest rollout that was under way while the load ran; null: none was. */
export function rolloutDuring(
  { rollout, history }: Pick<ServiceState, 'rollout' | 'history'>,
  { startedAtMs, durationMs }: Pick<LoadResult, 'startedAtMs' | 'durationMs'>,
): string | null {
  const endedAtMs = startedAtMs + durationMs;
  const active =
    rollout === null || isFinal(rollout.phase)
      ? []
      : [{ id: rollout.id, startedAtMs: rollout.startedAtMs, endedAtMs: Infinity }];
  const found = [...history, ...active].findLast(
    (each) => each.startedAtMs <= endedAtMs && each.endedAtMs >= startedAtMs,
  );
  return found?.id ?? null;
}
