import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { BlobFolder } from '../../../adapters/blob-folder/blob-folder.ts';
import { BlobKeeper, isPassingTrouble } from '../../../control/recording/blob-keeper.ts';
import { LoadDesk } from '../../../control/desks/load-desk.ts';
import { recordedEntry, type Recorder } from '../../../control/recording/recorder.ts';
import { RolloutBlobs } from '../../../control/recording/rollout-blobs.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { LedgerStore } from '../../../ports/ledger-store.ts';
import type { Platform } from '../../../ports/platform.ts';

/** How much is kept beside the ledger, and for how long. */
export interface BlobSettings {
  readonly quotaBytes: number;
  readonly retentionDays: number;
}

export const defaultBlobSettings: BlobSettings = { quotaBytes: 1024 ** 3, retentionDays: 90 };

const settingsFileName = 'blobs.json';
export const blobsFolderName = 'blobs';
const retireEveryMs = 60 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;

/** Blobs as the server composes them. */
export class BlobDesk {
  readonly rollouts: RolloutBlobs;
  readonly loads: LoadDesk;
  readonly #keeper: BlobKeeper;
  readonly #parts: BlobDeskParts;

  private constructor(parts: BlobDeskParts, folder: BlobFolder, settings: BlobSettings) {
    const { recorder, clock, store, platform, log } = parts;
    const retentionMs = settings.retentionDays * dayMs;
    this.#parts = parts;
    this.#keeper = new BlobKeeper({ store: folder, recorder, clock, retentionMs, log });
    this.loads = new LoadDesk({ keeper: this.#keeper, recorder });
    this.rollouts = new RolloutBlobs({
      keeper: this.#keeper,
      readBlob: (sha256) => store.blob(sha256, parts.signal),
      entries: async function* (stream, fromIndex, signal) {
        for await (const stored of store.read({ stream, fromIndex }, signal)) {
          yield recordedEntry(stored);
        }
      },
      platform,
      log,
      fail: (error) => log('error', `keeping a blob failed, which is a bug: ${String(error)}`),
    });
  }

  static async open(parts: BlobDeskParts, wish: Partial<BlobSettings>): Promise<BlobDesk> {
    const settings = await settingsOf(parts.stateFolder, wish);
    const { quotaBytes } = settings;
    const folder = await BlobFolder.open(join(parts.stateFolder, blobsFolderName), { quotaBytes });
    return new BlobDesk(parts, folder, settings);
  }

  /** Until the signal is aborted: deletes what is over its time. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#keeper.retire(signal);
      } catch (error) {
        const isFileTrouble = error instanceof Error && 'syscall' in error;
        if (signal.aborted) break;
        if (!isFileTrouble && !isPassingTrouble(error)) throw error;
        this.#parts.log('error', `cannot delete old blobs: ${String(error)}`);
      }
      await this.#parts.clock.sleep(retireEveryMs, signal).catch(() => undefined);
    }
    await this.rollouts.settled();
  }
}

interface BlobDeskParts {
  readonly stateFolder: string;
  readonly store: Pick<LedgerStore, 'read' | 'blob'>;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly platform: Pick<Platform, 'logs'>;
  readonly log: (level: 'info' | 'error', message: string) => void;
  readonly signal: AbortSignal;
}

/** What is said now, else what was said last, else the default. */
async function settingsOf(stateFolder: string, wish: Partial<BlobSettings>): Promise<BlobSettings> {
  const path = join(stateFolder, settingsFileName);
  const settings = { ...defaultBlobSettings, ...(await remembered(path)), ...wish };
  if (Object.keys(wish).length > 0) {
    await writeFile(`${path}.tmp`, `${JSON.stringify(settings)}\n`, { mode: 0o600, flush: true });
    await rename(`${path}.tmp`, path);
  }
  return settings;
}

async function remembered(path: string): Promise<Partial<BlobSettings>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return {};
  const { quotaBytes, retentionDays } = JSON.parse(text) as Partial<BlobSettings>;
  if (Number.isSafeInteger(quotaBytes) && Number.isSafeInteger(retentionDays)) {
    return { quotaBytes, retentionDays } as BlobSettings;
  }
  // Guessing a shorter time would delete what somebody wanted to keep.
  throw new Error(`cannot read ${path}: give --blob-quota and --blob-retention again`);
}
