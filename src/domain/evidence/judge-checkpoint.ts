import { EvidenceError } from './canonical-json.ts';
import { parseCheckpoint, timeOfSignature } from './checkpoint.ts';
import type { Checkpoint } from './checkpoint.ts';
import { parseNote } from './signed-note.ts';
import { isQuorum, quorumText } from './trust-policy.ts';
import type { TrustPolicy } from './trust-policy.ts';

/**
 * Whether a signed checkpoint is to be believed, by a policy.
 *
 * Always: one of the log's keys has signed; a known key's line that doesn't verify refuses the note; the witnesses of the quorum
 * have cosigned, each counted once however often its line stands there.
 * Strict besides: all of the log's keys in the policy have signed, each line is of a key in the policy, and none stands twice. That
 * leaves no byte of the note that could be changed unseen: lenient readers have to skip lines of unknown keys, and a changed
 * name makes any line one of those.
 */
export type Strictness = 'strict' | 'lenient';

export interface JudgedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Names in the policy of the witnesses that have cosigned, with the time each one gave. */
  readonly witnesses: readonly { readonly name: string; readonly atSeconds: bigint }[];
  /** vkey names and ids of the log's keys that have signed. */
  readonly logKeys: readonly string[];
}

/** Throws an EvidenceError when it is not to be believed. */
export function judgeCheckpoint(
  bytes: Uint8Array,
  policy: TrustPolicy,
  strictness: Strictness,
): JudgedCheckpoint {
  const note = parseNote(bytes);
  const checkpoint = parseCheckpoint(note.text);
  const logs = policy.logs.filter(({ key }) => key.name === checkpoint.origin);
  if (logs.length === 0) {
    throw new EvidenceError(`the policy has no key of the log ${checkpoint.origin}`);
  }
  const logKeys = new Set<string>();
  const witnesses = new Map<string, bigint>();
  const known = [
    ...logs.map(({ key }) => ({ key, witness: null })),
    ...policy.witnesses.map(({ key, name }) => ({ key, witness: name })),
  ];
  for (const line of note.lines) {
    const id = `${line.name}+${line.keyId}`;
    const signer = known.find(({ key }) => `${key.name}+${key.keyId}` === id);
    if (signer === undefined) {
      if (strictness === 'lenient') continue;
      throw new EvidenceError(`it has a signature of ${id}, which is not in the policy`);
    }
    const { key, witness } = signer;
    const atSeconds = timeOfSignature(key, line, checkpoint);
    if (atSeconds === null) throw new EvidenceError(`the signature of ${id} is not valid`);
    const isNew = witness === null ? !logKeys.has(id) : !witnesses.has(witness);
    if (!isNew && strictness === 'strict') throw new EvidenceError(`${id} has signed it twice`);
    if (witness === null) logKeys.add(id);
    else witnesses.set(witness, atSeconds);
  }
  requireSigners(logs, logKeys, strictness);
  requireQuorum(policy, new Set(witnesses.keys()));
  return {
    checkpoint,
    logKeys: [...logKeys],
    witnesses: [...witnesses].map(([name, atSeconds]) => ({ name, atSeconds })),
  };
}

function requireSigners(
  logs: TrustPolicy['logs'],
  signed: ReadonlySet<string>,
  strictness: Strictness,
): void {
  const missing = logs.find(({ key }) => !signed.has(`${key.name}+${key.keyId}`));
  if (signed.size === 0) throw new EvidenceError('none of the log’s keys has signed it');
  if (missing !== undefined && strictness === 'strict') {
    const { name, keyId, type } = missing.key;
    throw new EvidenceError(`the log's key ${name}+${keyId} (${type}) has not signed it`);
  }
}

function requireQuorum({ quorum }: TrustPolicy, cosigned: ReadonlySet<string>): void {
  if (isQuorum(quorum, cosigned)) return;
  const who = cosigned.size === 0 ? 'nobody' : [...cosigned].join(', ');
  throw new EvidenceError(`the policy wants ${quorumText(quorum)} to have cosigned it, ${who} has`);
}
