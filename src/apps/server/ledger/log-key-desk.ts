import {
  adoptNextKeys,
  discardNextKeys,
  findNextKeys,
  type LogKeyFiles,
  openLogKeys,
  prepareNextKeys,
} from '../../../adapters/system/log-keys.ts';
import type { Recorder } from '../../../control/recording/recorder.ts';
import type { NoteSigner } from '../../../ports/identity.ts';

/** The keys that this server signs with, and their rotation while it runs (adapters/system/log-keys.ts has its steps). */
export class LogKeyDesk {
  readonly #folder: string;
  #inUse: LogKeyFiles;
  /** What may have come into use by an entry that we did not hear of. */
  #next: LogKeyFiles | null;
  #rotating: Promise<RotatedKeys> | null = null;

  private constructor(folder: string, inUse: LogKeyFiles, next: LogKeyFiles | null) {
    this.#folder = folder;
    this.#inUse = inUse;
    this.#next = next;
  }

  static async open(folder: string): Promise<LogKeyDesk> {
    const next = await findNextKeys(folder);
    return new LogKeyDesk(folder, await openLogKeys(folder), next);
  }

  get signer(): LogKeyFiles['signer'] {
    return this.#inUse.signer;
  }

  /** Of a rotation that was begun before this start; null: none. */
  get successor(): LogKeyFiles['signer'] | null {
    return this.#next?.signer ?? null;
  }

  /** Ends what an earlier server left, now that the ledger can be asked: the recorder signs with what the entries name. */
  async settle(recorder: Pick<Recorder, 'signer'>): Promise<void> {
    const next = this.#next;
    if (next === null) return;
    if (recorder.signer.keyId === next.signer.keyId) {
      await adoptNextKeys(this.#folder);
      this.#inUse = next;
    } else {
      await discardNextKeys(this.#folder);
    }
    this.#next = null;
  }

  /** What signs a checkpoint of this size. */
  notesAt(recorder: Pick<Recorder, 'signer'>): readonly NoteSigner[] {
    const { keyId } = recorder.signer;
    return this.#next?.signer.keyId === keyId ? this.#next.notes : this.#inUse.notes;
  }

  /** New keys for all that is signed from the next entry on. Who asks meanwhile gets the rotation under way. */
  rotate(
    recorder: Recorder,
    why: { readonly by: string; readonly reason: string },
    signal: AbortSignal,
  ): Promise<RotatedKeys> {
    this.#rotating ??= this.#rotate(recorder, why, signal).finally(() => {
      this.#rotating = null;
    });
    return this.#rotating;
  }

  async #rotate(
    recorder: Recorder,
    why: { readonly by: string; readonly reason: string },
    signal: AbortSignal,
  ): Promise<RotatedKeys> {
    // An earlier try may have been written although it failed for us.
    await this.settle(recorder);
    const before = this.#inUse.signer.keyId;
    const next = await prepareNextKeys(this.#folder);
    this.#next = next;
    const { index } = await recorder.rotate(next.signer, why, signal);
    await this.settle(recorder);
    return { index, before, keyId: next.signer.keyId, notes: next.notes };
  }
}

export interface RotatedKeys {
  /** Of the entry that ended the old keys. */
  readonly index: number;
  /** Ids of the Ed25519 keys. */
  readonly before: string;
  readonly keyId: string;
  readonly notes: readonly NoteSigner[];
}
