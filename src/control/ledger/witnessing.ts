import { timeOfSignature } from '../../domain/evidence/checkpoint.ts';
import type { Checkpoint } from '../../domain/evidence/checkpoint.ts';
import type { NoteLine } from '../../domain/evidence/signed-note.ts';
import type { TrustedWitness } from '../../domain/evidence/trust-policy.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { WitnessError } from '../../ports/witness.ts';
import type { Witness } from '../../ports/witness.ts';
import { consistencyProof } from './ledger-proofs.ts';

/** How one witness took one checkpoint. */
export type WitnessOutcome =
  | { readonly kind: 'cosigned'; readonly lines: readonly NoteLine[] }
  /** It can't be asked again with this checkpoint: it has seen another history, a longer one, or doesn't know us. */
  | { readonly kind: 'refused'; readonly what: string; readonly isOtherHistory: boolean }
  /** As refused: it has cosigned so many entries of this ledger, which has fewer. */
  | { readonly kind: 'ahead'; readonly what: string; readonly size: bigint }
  | { readonly kind: 'unreachable'; readonly what: string };

/** Tries of one checkpoint: the first may be answered with the size the witness knows, and that may change once more. */
const MAX_TRIES = 3;

/** One witness and what it is thought to know. What it answers counts only when its key says so. */
export class Witnessing {
  readonly name: string;
  readonly #trusted: TrustedWitness;
  readonly #witness: Witness;
  readonly #tree: Pick<LedgerTree, 'hashes'>;
  #knownSize = 0n;

  constructor(trusted: TrustedWitness, witness: Witness, tree: Pick<LedgerTree, 'hashes'>) {
    this.name = trusted.name;
    this.#trusted = trusted;
    this.#witness = witness;
    this.#tree = tree;
  }

  /** Its cosignature among these lines; null: there is none. */
  lineIn(lines: readonly NoteLine[], checkpoint: Checkpoint): NoteLine | null {
    const { key } = this.#trusted;
    return lines.find((line) => timeOfSignature(key, line, checkpoint) !== null) ?? null;
  }

  async cosign(
    signed: { readonly checkpoint: Checkpoint; readonly note: string },
    signal: AbortSignal,
  ): Promise<WitnessOutcome> {
    try {
      return await this.#ask(signed, signal);
    } catch (error) {
      if (!(error instanceof WitnessError)) throw error;
      return { kind: 'unreachable', what: error.message };
    }
  }

  async #ask(
    { checkpoint, note }: { readonly checkpoint: Checkpoint; readonly note: string },
    signal: AbortSignal,
  ): Promise<WitnessOutcome> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const oldSize = this.#knownSize;
      const sizes = { first: Number(oldSize), second: Number(checkpoint.size) };
      const proof = await consistencyProof(this.#tree, sizes, signal);
      const answer = await this.#witness.addCheckpoint({ oldSize, proof, note }, signal);
      if (answer.kind === 'cosigned') return this.#accept(checkpoint, answer.lines);
      if (answer.kind === 'refused') return refusal(this.name, answer);
      // What a witness has cosigned and we don't have is gone from here: the ledger was put back to an earlier state.
      if (answer.size > checkpoint.size) {
        const what = `the witness ${this.name} has seen ${answer.size} entries of this ledger, which has ${checkpoint.size}: it was put back to an earlier state`;
        return { kind: 'ahead', what, size: answer.size };
      }
      this.#knownSize = answer.size;
    }
    const what = `the witness ${this.name} changed the size it knows ${MAX_TRIES} times: who else asks it?`;
    return { kind: 'unreachable', what };
  }

  #accept(checkpoint: Checkpoint, lines: readonly NoteLine[]): WitnessOutcome {
    const first = this.lineIn(lines, checkpoint);
    if (first === null) {
      const what = `the witness ${this.name} answered without a cosignature of the key it is known by`;
      return { kind: 'refused', what, isOtherHistory: false };
    }
    this.#knownSize = checkpoint.size;
    return { kind: 'cosigned', lines: [first] };
  }
}

function refusal(
  name: string,
  { status, reason }: { readonly status: number; readonly reason: string },
): WitnessOutcome {
  const because = reason === '' ? '' : ` (${reason})`;
  const meaning = MEANINGS[status] ?? 'it refused the checkpoint';
  const what = `the witness ${name} answered ${status}: ${meaning}${because}`;
  return { kind: 'refused', what, isOtherHistory: status === 409 || status === 422 };
}

const MEANINGS: Readonly<Record<number, string>> = {
  400: 'it can’t read what it was sent',
  403: 'it does not trust the key the checkpoint is signed with',
  404: 'it does not know this ledger: start it there with --log and this ledger’s key',
  409: 'it has seen another history of this size',
  422: 'the history it has seen is not the beginning of this one',
};
