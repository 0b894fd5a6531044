import { checkApprovalEntry } from './approval/approval-entry.ts';
import { EvidenceError } from './canonical-json.ts';
import type { JsonValue } from './canonical-json.ts';
import { EvidenceCheck, type EvidenceReport } from './evidence-check.ts';
import { KeyDirectory, readKeyEvent } from './key-directory.ts';
import { readLogKeys, readLogKeysEvent } from './log-keys.ts';
import { hexOfHash } from './digest.ts';
import { originOf } from './export-format.ts';
import { leafFacts } from './leaf-facts.ts';
import type { LeafFacts } from './leaf-facts.ts';
import { MerkleEdge } from './merkle-edge.ts';
import type { FullSubtree } from './merkle-edge.ts';
import { readOriginEvent } from './origin-event.ts';
import type { OriginEvent } from './origin-event.ts';
import { ENTRY_TYPES, isDecisive } from './statement.ts';
import type { EntryType } from './statement.ts';

/**
 * Checks a ledger entry by entry, from the bytes alone, in constant memory per stream.
 *
 * L1 every leaf is canonical and carries exactly one signature, or exactly two where L7 says so;
 * L2 `previous` of every entry is the index and the leaf hash of the one at the position before, so the index is the
 *    position: an edited, inserted, removed or moved entry breaks here;
 * L3 every signature is by a key valid at that index; entry 0 enrols the key it is signed with;
 * L4 the versions of each stream count 1, 2, 3... without gaps;
 * L5 times never go back;
 * L6 what an approval says is signed by both keys of a person, enrolled and not revoked at that index;
 * L7 what decides is signed with ML-DSA-65, too, after the entry that enrols such a key, and what doesn't is not;
 * L8 an entry that gives the ledger a new name says truly which name, size and root it had until then.
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
  /** Hex Merkle root over all leaves that were given, good or bad (RFC 6962). */
  readonly root: string;
  /** Whether what the plans of rollouts owe is there. A ledger that lacks some of it is valid all the same. */
  readonly evidence: EvidenceReport;
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
  readonly #evidence = new EvidenceCheck(this.#keys.people);
  readonly #streamVersions = new Map<string, number>();
  readonly #byType = Object.fromEntries(ENTRY_TYPES.map((type) => [type, 0])) as Record<
    EntryType,
    number
  >;
  readonly #edge = MerkleEdge.empty();
  #firstEntryHash: string | null = null;
  readonly #renamings: Renaming[] = [];
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
    return this.#edge.size;
  }

  /** What is wrong first; null: nothing so far. */
  get problem(): LedgerProblem | null {
    return this.#problem;
  }

  /** Leaf hash of entry 0, once it was found good. */
  get firstEntryHash(): string | null {
    return this.#firstEntryHash;
  }

  /** The name its checkpoints have now; null before entry 0 was found good. */
  get origin(): string | null {
    return this.#renamings.at(-1)?.origin ?? this.#firstOrigin();
  }

  /** Each time it was given a new name, oldest first. */
  get renamings(): readonly Renaming[] {
    return this.#renamings;
  }

  add(leafBytes: Uint8Array): void {
    this.addFacts(leafFacts(leafBytes, NO_KEY_KNOWN));
  }

  /** As `add`, for what was found out elsewhere. Gives the full subtrees that this leaf completed. */
  addFacts(facts: LeafFacts): readonly FullSubtree[] {
    const index = this.entries;
    const isRenaming = facts.kind === 'readable' && facts.type === 'origin-event';
    const rootBefore = isRenaming ? hexOfHash(this.#edge.root()) : null;
    const completed = this.#edge.append(facts.leafHash);
    if (this.#problem !== null) return completed;
    try {
      this.#check(index, facts);
      if (isRenaming) this.#rename(index, facts, rootBefore);
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error;
      this.#problem = { index, what: error.message };
    }
    return completed;
  }

  finish(): VerificationReport {
    if (this.entries === 0) {
      this.#problem ??= {
        index: 0,
        what: 'there is no entry, not even the one that enrols the key',
      };
    }
    return {
      entries: this.entries,
      valid: this.#problem === null,
      firstProblem: this.#problem,
      keyIds: this.#keys.keyIds(),
      headLeafHash: this.#head?.leafHash ?? null,
      root: hexOfHash(this.#edge.root()),
      evidence: this.#evidence.report(),
      byType: { ...this.#byType },
    };
  }

  #check(index: number, facts: LeafFacts): void {
    if (facts.kind === 'unreadable') throw new EvidenceError(facts.what);
    const { type, data, stream, streamVersion, observedAtMs, keyId, signature } = facts;
    this.#checkPlace(index, facts);
    if (index === 0) this.#enrolFirstKey(facts);
    if (signature === 'valid') this.#keys.requireValidAt(keyId, index);
    else this.#keys.checkSignature(index, { keyId, ...signature });
    this.#keys.checkSecond(index, { isDecisive: isDecisive(type), keyId, second: facts.second });
    if (type === 'approval') {
      const approval = checkApprovalEntry(index, data, this.#keys.people);
      this.#evidence.addApproval(index, observedAtMs, approval);
    }
    if (facts.release !== null) this.#evidence.add(index, facts.release);
    if (index > 0 && type === 'key-event') this.#keys.apply(index, data);
    const leafHash = hexOfHash(facts.leafHash);
    this.#firstEntryHash ??= leafHash;
    this.#streamVersions.set(stream, streamVersion);
    this.#head = { leafHash, observedAtMs };
    this.#byType[type] += 1;
  }

  #rename(index: number, { leafHash, data }: ReadableFacts, root: string | null): void {
    const event = readOriginEvent(data);
    if (event.fromOrigin !== this.origin || event.size !== index || event.root !== root) {
      throw new EvidenceError('it says of another ledger than this one that it was restored');
    }
    this.#renamings.push({ index, origin: originOf(hexOfHash(leafHash)), event });
  }

  #firstOrigin(): string | null {
    return this.#firstEntryHash === null ? null : originOf(this.#firstEntryHash);
  }

  #checkPlace(index: number, facts: ReadableFacts): void {
    const { previous, stream, streamVersion, observedAtMs } = facts;
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

  #enrolFirstKey({ type, data, keyId }: ReadableFacts): void {
    if (type !== 'key-event') throw new EvidenceError('entry 0 does not enrol a key');
    const enrolled = firstKeyId(data);
    if (enrolled !== keyId) {
      throw new EvidenceError('entry 0 does not enrol the key it is signed with');
    }
    if (this.#trustedKeyId !== null && this.#trustedKeyId !== enrolled) {
      throw new EvidenceError(`entry 0 enrols key ${enrolled}, not ${this.#trustedKeyId}`);
    }
    this.#keys.apply(0, data);
  }
}

/** Null: it enrols none. */
function firstKeyId(data: JsonValue): string | null {
  const set = readLogKeysEvent(data);
  if (set !== null) {
    return set.action === 'enrol-keys' ? readLogKeys(set.enrolment).ed25519.keyId : null;
  }
  const event = readKeyEvent(data);
  return event.action === 'enrol' ? event.keyId : null;
}

/** An entry from which on the ledger has another name. */
export interface Renaming {
  readonly index: number;
  readonly origin: string;
  readonly event: OriginEvent;
}

type ReadableFacts = Extract<LeafFacts, { kind: 'readable' }>;

const NO_KEY_KNOWN = new Map<string, never>();
