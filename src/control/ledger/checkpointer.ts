import {
  checkpointText,
  parseCheckpoint,
  signatureOf,
  signedMessage,
  timeOfSignature,
} from '../../domain/evidence/checkpoint.ts';
import type { Checkpoint } from '../../domain/evidence/checkpoint.ts';
import { isSameHash } from '../../domain/evidence/digest.ts';
import { formatVkey, noteKey } from '../../domain/evidence/note-key.ts';
import { formatNote, parseNote } from '../../domain/evidence/signed-note.ts';
import type { NoteLine } from '../../domain/evidence/signed-note.ts';
import { isQuorum, quorumText } from '../../domain/evidence/trust-policy.ts';
import type { Quorum } from '../../domain/evidence/trust-policy.ts';
import type { Clock } from '../../ports/clock.ts';
import type { NoteSigner } from '../../ports/identity.ts';
import { LedgerError } from '../../ports/ledger-store.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { LedgerTree, StoredCheckpoint } from '../../ports/ledger-tree.ts';
import { originAt } from './ledger-origin.ts';
import { rootAt } from './ledger-proofs.ts';
import type { Witnessing, WitnessOutcome } from './witnessing.ts';

/**
 * Signs the ledger's Merkle root from time to time, and has witnesses cosign it.
 *
 * P1 nothing is signed that doesn't continue the newest checkpoint kept: a ledger that was put back or changed says so and stops;
 * P2 a checkpoint is durable before a witness hears of it, and again with its cosignatures;
 * P3 one at a time; who asks meanwhile gets the next one, which covers what was durable when they asked.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts;
  #making: Promise<MadeCheckpoint> | null = null;
  #next: Promise<MadeCheckpoint> | null = null;
  #keptAtMs = Number.NEGATIVE_INFINITY;
  #newest: MadeCheckpoint | null = null;

  constructor(parts: CheckpointerParts) {
    this.#parts = parts;
  }

  /** The newest one of this process; null: none yet. */
  get newest(): MadeCheckpoint | null {
    return this.#newest;
  }

  /** Throws a LedgerError: `corrupt` when the entries are not those of the newest checkpoint. */
  async make(signal: AbortSignal, options = { isKept: false }): Promise<MadeCheckpoint> {
    if (this.#making === null) return this.#begin(signal, options);
    this.#next ??= this.#making
      .catch(() => undefined)
      .then(() => {
        this.#next = null;
        return this.#begin(signal, options);
      });
    return this.#next;
  }

  /** Makes them at an interval until the signal is aborted; failures are told and tried again. */
  async run(intervalMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const problem = await this.#tryOnce(signal);
      if (!signal.aborted) this.#parts.onProblem(problem);
      await this.#parts.clock.sleep(intervalMs, signal).catch(() => undefined);
    }
  }

  async #tryOnce(signal: AbortSignal): Promise<string | null> {
    try {
      const { size } = await this.#parts.tree.edge(signal);
      if (size === 0) return null;
      const newest = this.#newest;
      const isCurrent = newest !== null && newest.size === size && newest.isQuorum;
      return isCurrent ? null : (await this.make(signal)).problem;
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof LedgerError) return error.message;
      throw error;
    }
  }

  #begin(signal: AbortSignal, options: { readonly isKept: boolean }): Promise<MadeCheckpoint> {
    const making = this.#make(signal, options).finally(() => {
      this.#making = null;
    });
    this.#making = making;
    return making;
  }

  async #make(signal: AbortSignal, options: { readonly isKept: boolean }): Promise<MadeCheckpoint> {
    const { tree, clock } = this.#parts;
    const { size } = await tree.edge(signal);
    const known = (await tree.checkpoints(0, signal)).at(-1) ?? null;
    const checkpoint = {
      origin: await originAt(this.#parts.store, size, signal),
      size: BigInt(size),
      root: await rootAt(tree, size, signal),
    };
    if (known !== null) await this.#requireContinuation(known, checkpoint, signal);
    const nowMs = clock.nowMs();
    const isKept = options.isKept || nowMs - this.#keptAtMs >= KEEP_EVERY_MS;
    if (isKept) this.#keptAtMs = nowMs;
    // Of the same tree: what was signed and cosigned before stays, and only what is missing is asked for.
    const before = known?.size === size ? parseNote(Buffer.from(known.note)).lines : [];
    const atSeconds = BigInt(Math.floor(nowMs / 1000));
    const lines = await this.#sign({ checkpoint, before }, atSeconds, signal);
    const kept = isKept || (known?.size === size && known.isKept);
    const text = checkpointText(checkpoint);
    const cosignatures = this.#parts.witnesses.flatMap(
      (each) => each.lineIn(before, checkpoint) ?? [],
    );
    const note = formatNote({ text, lines: [...lines, ...cosignatures] });
    await tree.saveCheckpoint({ size, note, isKept: kept }, signal);
    const made = await this.#witnessed({ checkpoint, lines, before }, signal);
    if (made.note !== note) {
      await tree.saveCheckpoint({ size, note: made.note, isKept: kept }, signal);
    }
    await this.#parts.remember?.(made.note);
    this.#newest = made;
    return made;
  }

  async #requireContinuation(
    known: StoredCheckpoint,
    checkpoint: Checkpoint,
    signal: AbortSignal,
  ): Promise<void> {
    const before = parseCheckpoint(parseNote(Buffer.from(known.note)).text);
    const root =
      before.size <= checkpoint.size
        ? await rootAt(this.#parts.tree, Number(before.size), signal)
        : null;
    const origin = await originAt(this.#parts.store, Number(before.size), signal);
    if (root !== null && isSameHash(root, before.root) && before.origin === origin) return;
    const what = `the ledger does not continue its checkpoint of ${before.size} entries`;
    throw new LedgerError('corrupt', `cannot sign a checkpoint: ${what}; verify it`, {
      retryable: false,
    });
  }

  async #sign(
    of: { readonly checkpoint: Checkpoint; readonly before: readonly NoteLine[] },
    atSeconds: bigint,
    signal: AbortSignal,
  ): Promise<readonly NoteLine[]> {
    const { checkpoint, before } = of;
    const lines: NoteLine[] = [];
    for (const signer of this.#parts.signers()) {
      const { type, publicKey } = signer;
      const key = noteKey(checkpoint.origin, type, publicKey);
      const own = before.find((line) => timeOfSignature(key, line, checkpoint) !== null);
      if (own !== undefined) {
        lines.push(own);
        continue;
      }
      const signature = await signer.sign(signedMessage(key, checkpoint, atSeconds), signal);
      const { name, keyId } = key;
      lines.push({ name, keyId, signature: signatureOf(type, atSeconds, signature) });
    }
    return lines;
  }

  async #witnessed(
    signed: {
      readonly checkpoint: Checkpoint;
      readonly lines: readonly NoteLine[];
      /** Signatures of the same checkpoint that were there already. */
      readonly before: readonly NoteLine[];
    },
    signal: AbortSignal,
  ): Promise<MadeCheckpoint> {
    const { witnesses, quorum } = this.#parts;
    const { checkpoint, lines, before } = signed;
    const text = checkpointText(checkpoint);
    const note = formatNote({ text, lines });
    const cosigned = async (each: Witnessing): Promise<WitnessOutcome> => {
      const known = each.lineIn(before, checkpoint);
      if (known !== null) return { kind: 'cosigned', lines: [known] };
      return each.cosign({ checkpoint, note }, signal);
    };
    const outcomes = await Promise.all(
      witnesses.map(async (each) => ({
        name: each.name,
        outcome: await cosigned(each),
      })),
    );
    const cosignatures = outcomes.flatMap(({ outcome }) =>
      outcome.kind === 'cosigned' ? outcome.lines : [],
    );
    const names = outcomes.flatMap(({ name, outcome }) =>
      outcome.kind === 'cosigned' ? [name] : [],
    );
    const isEnough = isQuorum(quorum, new Set(names));
    return {
      size: Number(checkpoint.size),
      note: formatNote({ text, lines: [...lines, ...cosignatures] }),
      witnesses: names,
      isQuorum: isEnough,
      problem: isEnough ? null : problemOf(quorum, outcomes),
    };
  }
}

export interface CheckpointerParts {
  readonly store: Pick<LedgerStore, 'read'>;
  readonly tree: LedgerTree;
  /** Who signs now: another after a rotation of the ledger's keys. */
  readonly signers: () => readonly NoteSigner[];
  readonly witnesses: readonly Witnessing[];
  readonly quorum: Quorum;
  readonly clock: Clock;
  /** After each try at the interval; null: all is well. */
  readonly onProblem: (problem: string | null) => void;
  /** After each one that is durable; absent: nobody remembers it elsewhere. Must not reject. */
  readonly remember?: (note: string) => Promise<void>;
}

export interface MadeCheckpoint {
  readonly size: number;
  /** A signed note, with the cosignatures that came. */
  readonly note: string;
  /** Names of those who cosigned. */
  readonly witnesses: readonly string[];
  readonly isQuorum: boolean;
  /** Why there is no quorum. */
  readonly problem: string | null;
}

/** Besides those that something was done because of. */
const KEEP_EVERY_MS = 60 * 60 * 1000;

/** What a verifier has to know of this ledger: a line of a policy for each key it signs checkpoints with. */
export function logPolicyLines(origin: string, signers: readonly NoteSigner[]): readonly string[] {
  return signers.map(
    ({ type, publicKey }) => `log ${formatVkey(noteKey(origin, type, publicKey))}`,
  );
}

function problemOf(
  quorum: Quorum,
  outcomes: readonly { readonly name: string; readonly outcome: WitnessOutcome }[],
): string {
  const what = outcomes.flatMap(({ outcome }) =>
    outcome.kind === 'cosigned' ? [] : [outcome.what],
  );
  return `${quorumText(quorum)} should have cosigned the checkpoint: ${what.join('; ')}`;
}
