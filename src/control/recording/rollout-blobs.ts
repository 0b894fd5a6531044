import type { ReleaseRecord } from '../../domain/release/service-state.ts';
import type { Platform } from '../../ports/platform.ts';
import { PlatformError } from '../../ports/platform.ts';
import { type BlobItem, type BlobKeeper, isPassingTrouble } from './blob-keeper.ts';
import { unpackEvents } from './journal.ts';
import type { RecordedEntry } from './recorder.ts';
import { readInput, type ReadBlob } from '../replay/replay.ts';
import { streamOfService } from './recovery.ts';

export const SAMPLES_TYPE = 'application/vnd.tidegate.gate-samples.v1+ndjson';
export const LOGS_TYPE = 'application/vnd.tidegate.instance-logs.v1+ndjson';

/** A blob of samples is closed at this size, so that none is too large to be read again. */
const chunkBytes = 16 * 1024 * 1024;
/** Last lines of each stream of each instance of a candidate that was rolled back. */
const logLines = 2_000;
const logBytesMax = 16 * 1024 * 1024;

/**
 * When a rollout has ended, keeps what its gate saw, as lines that any program reads, and when it went back, what the candidate's
 * instances last said. One after the other, beside the control loop: nothing waits for it, and what fails is told.
 *
 * The events that each entry was decided from stay where they are, with the entries: replay needs none of this.
 */
export class RolloutBlobs {
  readonly #parts: RolloutBlobParts;
  /** Index of the entry that began the rollout of a service; without it the service's entries are read from the first. */
  readonly #starts = new Map<string, number>();
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(parts: RolloutBlobParts) {
    this.#parts = parts;
  }

  /** Takes note of a record that is durable. */
  heard(record: ReleaseRecord, index: number, signal: AbortSignal): void {
    const { decision, service, rolloutId } = record;
    if (rolloutId === null) return;
    if (decision === 'start') this.#starts.set(service, index);
    if (decision !== 'promoted' && decision !== 'rolled-back') return;
    const fromIndex = this.#starts.get(service) ?? 0;
    this.#starts.delete(service);
    if (this.#waiting >= MAX_WAITING) {
      this.#parts.log('error', `the samples of ${rolloutId} are not kept: too many wait already`);
      return;
    }
    this.#waiting += 1;
    this.#work = this.#work.then(async () => {
      await this.#keep({ service, rolloutId, fromIndex, record }, signal).catch(
        (error: unknown) => {
          if (!isPassingTrouble(error) && !signal.aborted) throw error;
          this.#parts.log('error', `the samples of ${rolloutId} are not kept: ${String(error)}`);
        },
      );
      this.#waiting -= 1;
    });
    this.#work.catch((error: unknown) => this.#parts.fail(error));
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    await this.#work.catch(() => undefined);
  }

  async #keep(ended: Ended, signal: AbortSignal): Promise<void> {
    const { service, rolloutId, fromIndex, record } = ended;
    const about = { service, rolloutId };
    let part = 1;
    for await (const bytes of this.#samples(service, rolloutId, fromIndex, signal)) {
      const name = `samples-${part}.ndjson`;
      await this.#parts.keeper.keep(about, [{ name, mediaType: SAMPLES_TYPE, bytes }], signal);
      part += 1;
    }
    if (record.decision !== 'rolled-back' || record.toRevisionId === null) return;
    const logs = await this.#logs(service, record.toRevisionId, signal);
    if (logs !== null) await this.#parts.keeper.keep(about, [logs], signal);
  }

  async *#samples(
    service: string,
    rolloutId: string,
    fromIndex: number,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    let lines: string[] = [];
    let size = 0;
    for await (const entry of this.#parts.entries(streamOfService(service), fromIndex, signal)) {
      if (!isOfRollout(entry, rolloutId)) continue;
      const { bytes } = await readInput(entry, 'events', this.#parts.readBlob);
      for (const event of bytes === null ? [] : unpackEvents(bytes)) {
        if (event.kind !== 'sample') continue;
        const line = `${JSON.stringify(event.sample)}\n`;
        lines.push(line);
        size += line.length;
      }
      if (size < chunkBytes) continue;
      yield Buffer.from(lines.join(''));
      [lines, size] = [[], 0];
    }
    if (size > 0) yield Buffer.from(lines.join(''));
  }

  /** Null: there are none. */
  async #logs(service: string, revisionId: string, signal: AbortSignal): Promise<BlobItem | null> {
    const query = { service, revisionId, instanceId: null, tailLines: logLines, follow: false };
    const lines: string[] = [];
    let size = 0;
    try {
      for await (const line of this.#parts.platform.logs(query, signal)) {
        const text = `${JSON.stringify(line)}\n`;
        size += text.length;
        if (size > logBytesMax) break;
        lines.push(text);
      }
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      this.#parts.log('error', `the logs of ${revisionId} are not kept: ${error.message}`);
    }
    if (lines.length === 0) return null;
    const bytes = Buffer.from(lines.join(''));
    return { name: `logs-${revisionId}.ndjson`, mediaType: LOGS_TYPE, bytes };
  }
}

export interface RolloutBlobParts {
  readonly keeper: { keep(...of: Parameters<BlobKeeper['keep']>): Promise<unknown> };
  /** Of a stream, from this index on, oldest first. */
  readonly entries: (
    stream: string,
    fromIndex: number,
    signal: AbortSignal,
  ) => AsyncIterable<RecordedEntry>;
  readonly readBlob: ReadBlob;
  readonly platform: Pick<Platform, 'logs'>;
  readonly log: (level: 'info' | 'error', message: string) => void;
  /** Called with a defect of ours. */
  readonly fail: (error: unknown) => void;
}

interface Ended {
  readonly service: string;
  readonly rolloutId: string;
  readonly fromIndex: number;
  readonly record: ReleaseRecord;
}

/** Rollouts whose samples wait to be kept. */
const MAX_WAITING = 100;

function isOfRollout({ data }: RecordedEntry, rolloutId: string): boolean {
  return (
    typeof data === 'object' &&
    data !== null &&
    'rolloutId' in data &&
    data['rolloutId'] === rolloutId
  );
}
