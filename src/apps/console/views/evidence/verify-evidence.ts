import type { ReleaseEvidence } from '../../../../api/evidence-wire.ts';
import { canonicalText, fieldsOf, textOf } from './canonical-text.ts';
import { isIncluded } from './inclusion.ts';
import { KnownKeys, requireBoth, requireOne } from './known-keys.ts';
import { base64, hex, leafHash, sha256, Unproven, utf8 } from './proof-bytes.ts';
import { type Checkpoint, hasSigned, readCheckpoint, readLogKeys } from './read-checkpoint.ts';
import { type Envelope, readEnvelope, readStatement, type Statement } from './read-entry.ts';

/** One thing that was looked at, in words. `open`: nothing speaks against it, and it could not be verified. */
export interface Check {
  readonly result: 'passed' | 'failed' | 'open';
  readonly what: string;
}

export interface VerifiedEntry {
  readonly index: number;
  readonly about: 'keys' | 'release';
  /** Null: the entry could not be read. */
  readonly statement: Statement | null;
  /** Who signed inside of it: of an approval. Null: nobody. */
  readonly person: string | null;
  readonly checks: readonly Check[];
}

export interface Verification {
  /** Of checkpoint and keys. */
  readonly checks: readonly Check[];
  readonly entries: readonly VerifiedEntry[];
  /** Nothing failed, and at least the checkpoint and one entry passed. */
  readonly isValid: boolean;
  /** Checks that are open. */
  readonly openCount: number;
}

type Evidence = Pick<ReleaseEvidence, 'checkpoint' | 'entries' | 'isWhole'>;

/**
 * Verifies what the ledger has of a rollout, with nothing but the file and the keys of `policy`:
 *
 * - the checkpoint is signed by each key of the log in the policy;
 * - each entry's bytes lead to the checkpoint's root;
 * - each entry is signed by a key that an entry before it enrols, what decides with ML-DSA-65 too;
 * - each approval is signed with both keys of its person, over the request that stands in the ledger.
 */
export async function verifyEvidence(
  file: Evidence,
  policy: readonly string[],
): Promise<Verification> {
  const { checkpoint, checks } = await verifiedCheckpoint(file, policy);
  const keys = new KnownKeys();
  const requests = new Map<string, number>();
  const entries: VerifiedEntry[] = [];
  for (const entry of file.entries) {
    entries.push(await verifiedEntry(entry, { checkpoint, keys, requests }));
  }
  const all = [...checks, ...entries.flatMap((each) => each.checks)];
  return {
    checks,
    entries,
    isValid:
      checkpoint !== null && entries.length > 0 && all.every(({ result }) => result !== 'failed'),
    openCount: all.filter(({ result }) => result === 'open').length,
  };
}

async function verifiedCheckpoint(
  { checkpoint: note, isWhole }: Evidence,
  policy: readonly string[],
): Promise<{ readonly checkpoint: Checkpoint | null; readonly checks: readonly Check[] }> {
  const checks: Check[] = isWhole
    ? []
    : [{ result: 'open', what: 'there are more entries than this file has' }];
  if (note === null) {
    checks.push({ result: 'open', what: 'the ledger has no checkpoint yet: try again in 10 s' });
    return { checkpoint: null, checks };
  }
  try {
    const keys = await readLogKeys(policy);
    const checkpoint = readCheckpoint(note);
    for (const key of keys) {
      const result = key.name === checkpoint.origin ? await hasSigned(key, checkpoint) : 'invalid';
      const name = `${key.algorithm === 'ed25519' ? 'Ed25519' : 'ML-DSA-44'} key ${key.keyId}`;
      const of = `the checkpoint of ${checkpoint.size} entries`;
      const said = { valid: 'is signed with', invalid: 'is NOT signed with', missing: 'lacks' };
      checks.push({
        result: result === 'valid' ? 'passed' : 'failed',
        what: `${of} ${said[result]} ${result === 'missing' ? 'a signature with' : 'the log’s'} ${name}`,
      });
    }
    checks.push(...strangers(checkpoint, new Set(keys.map(({ keyId }) => keyId))));
    const isGood = checks.every(({ result }) => result !== 'failed');
    return { checkpoint: isGood ? checkpoint : null, checks };
  } catch (error) {
    checks.push(failureOf(error));
    return { checkpoint: null, checks };
  }
}

/** Witnesses, mostly: their keys are in a policy of one's own, which tidegate-verify reads in full. */
function strangers({ lines }: Checkpoint, known: ReadonlySet<string>): readonly Check[] {
  return lines
    .filter(({ keyId }) => !known.has(keyId))
    .map(({ name, keyId }) => ({
      result: 'open',
      what: `${name} (${keyId}) has cosigned it, which is not verified here`,
    }));
}

interface Known {
  readonly checkpoint: Checkpoint | null;
  readonly keys: KnownKeys;
  /** SHA-256 of requests for approval in verified entries, and their index. */
  readonly requests: Map<string, number>;
}

async function verifiedEntry(
  entry: Evidence['entries'][number],
  known: Known,
): Promise<VerifiedEntry> {
  const { index, about } = entry;
  const checks: Check[] = [await includedCheck(entry, known.checkpoint)];
  const isIn = checks[0]?.result === 'passed';
  let statement: Statement | null = null;
  let person: string | null = null;
  try {
    const envelope = readEnvelope(entry.envelope, 'the entry');
    statement = readStatement(envelope);
    // Before its own signature: the entry that enrols the first key is signed with that key.
    const enrols = ['enrol-keys', 'enrol'].includes(String(statement.data['action']));
    const isKeys = statement.type === 'key-event' && isIn;
    const needsBoth = known.keys.needsBoth && decisive.has(statement.type);
    if (isKeys && enrols) await known.keys.take(statement.data);
    checks.push(
      known.checkpoint === null
        ? { result: 'open', what: 'whose key signed it is known by the checkpoint alone' }
        : await signatureCheck(envelope, known.keys, needsBoth),
    );
    if (isKeys && !enrols) await known.keys.take(statement.data);
    if (statement.type === 'approval-request' && isIn) {
      known.requests.set(hex(await sha256(utf8(canonicalText(statement.data)))), index);
    }
    if (statement.type === 'approval' && known.checkpoint !== null) {
      const approved = await approvalCheck(statement, known);
      checks.push(approved.check);
      person = approved.person;
    }
  } catch (error) {
    checks.push(failureOf(error));
  }
  return { index, about, statement, person, checks };
}

async function includedCheck(
  { index, envelope, inclusionProof }: Evidence['entries'][number],
  checkpoint: Checkpoint | null,
): Promise<Check> {
  if (inclusionProof === null) {
    return { result: 'open', what: 'no checkpoint covers it yet' };
  }
  if (checkpoint === null) return { result: 'open', what: 'there is no checkpoint to lead to' };
  try {
    const { size, root } = checkpoint;
    const hashes = inclusionProof.map((hash) => base64(hash, 'a hash of the proof'));
    const claim = { index: BigInt(index), size, leafHash: await leafHash(utf8(envelope)), root };
    return (await isIncluded(claim, hashes))
      ? { result: 'passed', what: `${hashes.length} hashes lead from its bytes to the root` }
      : {
          result: 'failed',
          what: 'its bytes do NOT lead to the root: it is not this ledger’s entry',
        };
  } catch (error) {
    return failureOf(error);
  }
}

const decisive: ReadonlySet<string> = new Set([
  'release-plan',
  'decision',
  'override',
  'operator-action',
  'key-event',
]);

async function signatureCheck(
  envelope: Envelope,
  keys: KnownKeys,
  needsBoth: boolean,
): Promise<Check> {
  const [first, second] = envelope.signatures;
  const pair = first === undefined ? null : keys.machine(first.keyId);
  if (first === undefined || pair === null) {
    return { result: 'failed', what: 'it is signed with a key that no verified entry enrols' };
  }
  const of = { signedBytes: envelope.signedBytes, what: 'the entry' };
  await requireOne(first, { ...of, key: pair.ed25519, algorithm: 'ed25519' });
  if (second === undefined) {
    return needsBoth
      ? { result: 'failed', what: 'it decides, and lacks the signature with ML-DSA-65' }
      : { result: 'passed', what: 'signed with the log’s Ed25519 key' };
  }
  await requireBoth(envelope, pair, 'the entry');
  return { result: 'passed', what: 'signed with the log’s Ed25519 and ML-DSA-65 keys' };
}

async function approvalCheck(
  { data }: Statement,
  { keys, requests }: Known,
): Promise<{ readonly check: Check; readonly person: string }> {
  const envelope = readEnvelope(textOf(data['envelope'], 'the approval'), 'the approval');
  const signer = keys.person(envelope.signatures[0]?.keyId ?? '');
  if (signer === null) throw new Unproven('the approval is signed with a key of nobody enrolled');
  await requireBoth(envelope, signer.pair, `the approval of ${signer.person}`);
  const whole = fieldsOf(envelope.payload, 'the approval');
  const subject: unknown = Array.isArray(whole['subject']) ? whole['subject'][0] : undefined;
  const digest = fieldsOf(fieldsOf(subject, 'the subject')['digest'], 'the digest');
  const request = requests.get(textOf(digest['sha256'], 'sha256'));
  if (request === undefined) throw new Unproven('it approves a request that is not in this file');
  const verdict = textOf(fieldsOf(whole['predicate'], 'the predicate')['verdict'], 'the verdict');
  const what = `${signer.person} says ${verdict} to entry ${request}, signed with Ed25519 and ML-DSA-65 keys of that person`;
  return { check: { result: 'passed', what }, person: signer.person };
}

function failureOf(error: unknown): Check {
  if (error instanceof Unproven) return { result: 'failed', what: error.message };
  throw error;
}
