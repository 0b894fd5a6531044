import { checkApprovalEntry } from './approval/approval-entry.ts';
import { EvidenceError } from './canonical-json.ts';
import { KeyDirectory, readKeyEvent } from './key-directory.ts';
import { readLeaf } from './leaf.ts';
import type { Leaf } from './leaf.ts';
import { ENTRY_TYPES } from './statement.ts';
import type { EntryType, Statement } from './statement.ts';

/**
 * Checks a ledger entry by entry, from the bytes alone, in constant memory per stream.
 *
 * L1 every leaf is canonical and carries exactly one signature;
 * L2 `previous` of every entry is the index and the leaf hash of the one at the position before, so the index is the
 *    position: an edited, inserted, removed or moved entry breaks here;
 * L3 every signature is by a key valid at that index; entry 0 enrols the key it is signed with;
 * L4 the versions of each stream count 1, 2, 3... without gaps;
 * L5 times never go back;
 * L6 what an approval says is signed by both keys of a person, enrolled and not revoked at that index.
 *
 * Not checked: that nothing was cut off the end. Only something outside the entries can show that (the trailer of an
 * export, a head remembered elsewhere).
 */
export interface Verification {
  add(leaf: Uint8Array): void;
  finish(): VerificationReport;
}

export interface VerificationOptions {
  /** The key that entry 0 has to enrol, learnt from elsewhere; null: whatever key it enrols. */
  readonly trustedKeyId: string | null;
}

export interface VerificationReport {
  /** How many leaves were given, good or bad. */
  readonly entries: number;
  readonly valid: boolean;
  /** Entries after it were counted but not judged. */
  readonly firstProblem: LedgerProblem | null;
  readonly keyIds: readonly string[];
  /** Of the last entry found good; null when there is none. */
  readonly headLeafHash: string | null;
  /** Entries found good. */
  readonly byType: Readonly<Record<EntryType, number>>;
}

export interface LedgerProblem {
  readonly index: number;
  readonly what: string;
}

export function openVerification(options: VerificationOptions): LedgerVerification {
  return new LedgerVerification(options);
}

export class LedgerVerification implements Verification {
  readonly #trustedKeyId: string | null;
  readonly #keys = new KeyDirectory();
  readonly #streamVersions = new Map<string, number>();
  readonly #byType = Object.fromEntries(ENTRY_TYPES.map((type) => [type, 0])) as Record<
    EntryType,
    number
  >;
  #entries = 0;
  #firstEntryHash: string | null = null;
  #head: { readonly leafHash: string; readonly observedAtMs: number } | null = null;
  #problem: LedgerProblem | null = null;

  constructor(options: VerificationOptions) {
    this.#trustedKeyId = options.trustedKeyId;
  }

  /** The keys after the entries added so far. */
  get keys(): KeyDirectory {
    return this.#keys;
  }

  get entries(): number {
    return this.#entries;
  }

  /** Leaf hash of entry 0, once it was found good. */
  get firstEntryHash(): string | null {
    return this.#firstEntryHash;
  }

  add(leafBytes: Uint8Array): void {
    const index = this.#entries;
    this.#entries += 1;
    if (this.#problem !== null) return;
    try {
      this.#check(index, readLeaf(leafBytes));
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      this.#problem = { index, what: error.message };
    }
  }

  finish(): VerificationReport {
    if (this.#entries === 0) {
      this.#problem ??= {
        index: 0,
        what: 'there is no entry, not even the one that enrols the key',
      };
    }
    return {
      entries: this.#entries,
      valid: this.#problem === null,
      firstProblem: this.#problem,
      keyIds: this.#keys.keyIds(),
      headLeafHash: this.#head?.leafHash ?? null,
      byType: { ...this.#byType },
    };
  }

  #check(index: number, leaf: Leaf): void {
    const { statement } = leaf;
    this.#checkPlace(index, statement);
    if (index === 0) this.#enrolFirstKey(leaf);
    this.#keys.checkSignature(index, leaf);
    if (statement.type === 'approval') checkApprovalEntry(index, statement.data, this.#keys.people);
    if (index > 0 && statement.type === 'key-event') this.#keys.apply(index, statement.data);
    this.#firstEntryHash ??= leaf.leafHash;
    this.#streamVersions.set(statement.stream, statement.streamVersion);
    this.#head = { leafHash: leaf.leafHash, observedAtMs: statement.observedAtMs };
    this.#byType[statement.type] += 1;
  }

  #checkPlace(index: number, statement: Statement): void {
    const { previous, stream, streamVersion, observedAtMs } = statement;
    if ((previous?.index ?? -1) !== index - 1) {
      throw new EvidenceError(
        `it stands at index ${index} but was written after ${previous === null ? 'nothing' : `entry ${previous.index}`}`,
      );
    }
    if ((previous?.leafHash ?? null) !== (this.#head?.leafHash ?? null)) {
      throw new EvidenceError(`the entry before it is not the one it was written after`);
    }
    const wanted = (this.#streamVersions.get(stream) ?? 0) + 1;
    if (streamVersion !== wanted) {
      throw new EvidenceError(`it is version ${streamVersion} of stream ${stream}, not ${wanted}`);
    }
    if (this.#head !== null && observedAtMs < this.#head.observedAtMs) {
      throw new EvidenceError(
        `its time ${observedAtMs} is before that of the entry before it, ${this.#head.observedAtMs}`,
      );
    }
  }

  #enrolFirstKey(leaf: Leaf): void {
    const { statement } = leaf;
    if (statement.type !== 'key-event') throw new EvidenceError('entry 0 does not enrol a key');
    const event = readKeyEvent(statement.data);
    if (event.action !== 'enrol' || event.keyId !== leaf.keyId) {
      throw new EvidenceError('entry 0 does not enrol the key it is signed with');
    }
    if (this.#trustedKeyId !== null && this.#trustedKeyId !== event.keyId) {
      throw new EvidenceError(`entry 0 enrols key ${event.keyId}, not ${this.#trustedKeyId}`);
    }
    this.#keys.apply(0, statement.data);
  }
}
