import { EvidenceError } from '../../domain/evidence/canonical-json.ts';
import { leafHash, sha256Hex } from '../../domain/evidence/digest.ts';
import { judgeCheckpoint } from '../../domain/evidence/judge-checkpoint.ts';
import type { JudgedCheckpoint, Strictness } from '../../domain/evidence/judge-checkpoint.ts';
import { readLeaf } from '../../domain/evidence/leaf.ts';
import { isIncluded } from '../../domain/evidence/merkle-proof.ts';
import { spkiOf } from '../../domain/evidence/note-key.ts';
import { parseProof } from '../../domain/evidence/tlog-proof.ts';
import type { TrustPolicy } from '../../domain/evidence/trust-policy.ts';
import { provenByProof, type VerifyResult } from './verify-result.ts';

export interface ProofVerification {
  readonly proof: Uint8Array;
  readonly entry: Uint8Array;
  readonly policy: TrustPolicy;
  readonly strictness: Strictness;
}

/** Checks that one entry is in the log of a checkpoint that the policy accepts. */
export function verifyProof(options: ProofVerification): VerifyResult {
  const { policy, strictness } = options;
  const state = {
    problem: null as string | null,
    judged: null as JudgedCheckpoint | null,
    index: null as bigint | null,
    keyId: null as string | null,
    isSignatureChecked: false,
    hasSecond: false,
  };
  try {
    const { index, hashes, note } = parseProof(options.proof);
    state.index = index;
    state.judged = judgeCheckpoint(Buffer.from(note), policy, strictness);
    const { size, root } = state.judged.checkpoint;
    const claim = { index, size, leafHash: leafHash(options.entry), root };
    if (!isIncluded(claim, hashes)) {
      throw new EvidenceError(
        'the proof does not lead from this entry to the root of the checkpoint',
      );
    }
    const leaf = readLeaf(options.entry);
    state.keyId = leaf.keyId;
    state.hasSecond = leaf.second !== null;
    // The key of a later signer may be another than the log's: then inclusion alone speaks for the entry.
    const key = policy.logs.find(
      (each) => each.key.type === 'ed25519' && sha256Hex(spkiOf(each.key)) === leaf.keyId,
    );
    if (key !== undefined) {
      if (!key.key.isValid(leaf.signedBytes, leaf.signature)) {
        throw new EvidenceError(`the entry's signature is not one of key ${leaf.keyId}`);
      }
      state.isSignatureChecked = true;
    }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    state.problem = error.message;
  }
  return provenByProof(state, strictness);
}
