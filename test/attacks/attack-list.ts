import type { Guard } from './without-guard.ts';

export interface AttackRow {
  /** In the list of docs/guides/attacks.md, from 1. */
  readonly number: number;
  readonly name: string;
  /** Beside this file. */
  readonly module: 'checkpoint-attacks.ts' | 'entry-attacks.ts';
  /** Exported by the module: gives whether the attack came through. */
  readonly attempt: string;
  readonly guard: Guard;
}

const CHECKPOINTS = 'checkpoint-attacks.ts';
const ENTRIES = 'entry-attacks.ts';
const EVIDENCE = 'domain/evidence';

/** Ordered by number. */
export const ATTACKS: readonly AttackRow[] = [
  {
    number: 1,
    name: 'a witness counted twice to reach a threshold',
    module: CHECKPOINTS,
    attempt: 'witnessTwiceInGroup',
    guard: {
      file: `${EVIDENCE}/trust-policy.ts`,
      text: 'if (this.#members.has(name)) throw',
      instead: 'if (false) throw',
    },
  },
  {
    number: 1,
    name: 'a signature that stands there twice',
    module: CHECKPOINTS,
    attempt: 'lineTwice',
    guard: {
      file: `${EVIDENCE}/judge-checkpoint.ts`,
      text: "if (!isNew && strictness === 'strict') throw",
      instead: 'if (false) throw',
    },
  },
  {
    number: 1,
    name: 'a person with two keys counted as two',
    module: ENTRIES,
    attempt: 'personTwice',
    guard: {
      file: `${EVIDENCE}/approval/quorum.ts`,
      text: 'last.set(each.person, each)',
      instead: 'last.set(each.keyId, each)',
    },
  },
  {
    number: 2,
    name: 'the valid proof of another entry',
    module: CHECKPOINTS,
    attempt: 'proofOfAnotherEntry',
    guard: {
      file: 'apps/verify/verify-proof.ts',
      text: 'if (!isIncluded(claim, hashes))',
      instead: 'if (!isIncluded(claim, hashes) && false)',
    },
  },
  {
    number: 2,
    name: 'a checkpoint with bad signatures',
    module: CHECKPOINTS,
    attempt: 'badSignatures',
    guard: {
      file: `${EVIDENCE}/judge-checkpoint.ts`,
      text: 'if (atSeconds === null) throw',
      instead: 'if (false) throw',
    },
  },
  {
    number: 3,
    name: 'the first valid one of many signatures of an entry',
    module: ENTRIES,
    attempt: 'secondSignature',
    guard: {
      file: `${EVIDENCE}/key-directory.ts`,
      text: "throw new EvidenceError('it has two signatures where one is the rule');",
      instead: 'return;',
    },
  },
  {
    number: 3,
    name: 'one valid signature where a pair is asked for',
    module: ENTRIES,
    attempt: 'halfOfAPair',
    guard: {
      file: `${EVIDENCE}/approval/person-envelope.ts`,
      text: 'for (const algorithm of personAlgorithms)',
      instead: "for (const algorithm of ['ed25519'] as const)",
    },
  },
  {
    number: 4,
    name: 'a value changed under its hash',
    module: ENTRIES,
    attempt: 'valueUnderItsHash',
    guard: {
      file: 'adapters/sqlite/sqlite-ledger-store.ts',
      text: 'if (leafHashHex(leaf) !== leafHash) throw corrupt(`entry',
      instead: 'if (false) throw corrupt(`entry',
    },
  },
  {
    number: 4,
    name: 'a tile of other hashes under a right root',
    module: CHECKPOINTS,
    attempt: 'tileOfOtherHashes',
    guard: {
      file: 'apps/verify/verify-folder.ts',
      text: 'if (!isSame) throw',
      instead: 'if (false) throw',
    },
  },
  {
    number: 5,
    name: 'a second chain that is right by itself',
    module: CHECKPOINTS,
    attempt: 'secondChain',
    guard: {
      file: 'apps/verify/verify-folder.ts',
      text: 'if (report.root !== hexOfHash(root))',
      instead: 'if (false)',
    },
  },
  {
    number: 6,
    name: 'a lone surrogate in the quick reading',
    module: ENTRIES,
    attempt: 'loneSurrogate',
    guard: {
      file: `${EVIDENCE}/canonical-json.ts`,
      text: "!text.includes('\\\\ud') && ",
      instead: '',
    },
  },
  {
    number: 6,
    name: 'a lone surrogate in the full reading',
    module: ENTRIES,
    attempt: 'loneSurrogate',
    guard: {
      file: `${EVIDENCE}/canonical-json.ts`,
      text: 'if (!text.isWellFormed()) throw',
      instead: 'if (false) throw',
    },
  },
  {
    number: 7,
    name: 'a key of an object twice',
    module: ENTRIES,
    attempt: 'keyTwice',
    guard: {
      file: `${EVIDENCE}/canonical-json.ts`,
      text: 'canonicalJson(value) !== text',
      instead: 'canonicalJson(value) === ""',
    },
  },
  {
    number: 8,
    name: 'an entry in another spelling than was recorded',
    module: ENTRIES,
    attempt: 'otherSpelling',
    guard: {
      file: `${EVIDENCE}/read-json.ts`,
      text: "if (bytes.toString('base64') !== value) throw",
      instead: 'if (false) throw',
    },
  },
  {
    number: 8,
    name: 'other bytes read than were signed',
    module: ENTRIES,
    attempt: 'markBeforePayload',
    guard: {
      file: `${EVIDENCE}/read-json.ts`,
      text: 'ignoreBOM: true',
      instead: 'ignoreBOM: false',
    },
  },
  {
    number: 9,
    name: 'two requests that a witness checks at once',
    module: CHECKPOINTS,
    attempt: 'witnessRace',
    guard: {
      file: 'apps/witness/witness-store.ts',
      text: 'WHERE origin = ? AND size = ?',
      instead: 'WHERE origin = ? AND ? >= 0',
    },
  },
  {
    number: 9,
    name: 'a witness put back',
    module: CHECKPOINTS,
    attempt: 'witnessPutBack',
    guard: {
      file: 'apps/witness/witness-store.ts',
      text: "SELECT raise(ABORT, 'a witnessed log never shrinks')",
      instead: 'SELECT 1',
    },
  },
  {
    number: 10,
    name: 'the whole history rewritten with the keys of the log',
    module: CHECKPOINTS,
    attempt: 'historyRewritten',
    guard: {
      file: `${EVIDENCE}/judge-checkpoint.ts`,
      text: 'requireQuorum(policy, new Set(witnesses.keys()));',
      instead: '',
    },
  },
  {
    number: 11,
    name: 'an entry forged by who may only check',
    module: ENTRIES,
    attempt: 'forgedByAuditor',
    guard: {
      file: `${EVIDENCE}/leaf-facts.ts`,
      text: 'verify(null, signedBytes, key, signature)',
      instead:
        "process.getBuiltinModule('node:crypto').createHmac('sha512', " +
        "key.export({ type: 'spki', format: 'der' })).update(signedBytes).digest().equals(signature)",
    },
  },
  {
    number: 12,
    name: 'a key taken for a log whose name only begins like its own',
    module: CHECKPOINTS,
    attempt: 'nameOfAnotherLog',
    guard: {
      file: `${EVIDENCE}/judge-checkpoint.ts`,
      text: 'key.name === checkpoint.origin',
      instead: 'checkpoint.origin.startsWith(key.name)',
    },
  },
  {
    number: 13,
    name: 'acknowledged entries gone, and the log goes on',
    module: CHECKPOINTS,
    attempt: 'acknowledgedEntriesGone',
    guard: {
      file: 'control/ledger/checkpointer.ts',
      text: 'if (known !== null) await this.#requireContinuation(known, checkpoint, signal);',
      instead: '',
    },
  },
  {
    number: 14,
    name: 'a word put into the mouth of another person',
    module: ENTRIES,
    attempt: 'wordOfAnother',
    guard: {
      file: `${EVIDENCE}/approval/person-directory.ts`,
      text: 'checkPersonEnvelope(envelope, pair.keys);',
      instead: '',
    },
  },
  {
    number: 15,
    name: 'an export cut at the end of a line',
    module: ENTRIES,
    attempt: 'exportCutAtALine',
    guard: {
      file: `${EVIDENCE}/verify-export.ts`,
      text: 'if (this.#problem === null && !this.#hasTrailer)',
      instead: 'if (false)',
    },
  },
];
