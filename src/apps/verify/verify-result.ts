import type { EvidenceReport } from '../../domain/evidence/evidence-check.ts';
import type { JudgedCheckpoint, Strictness } from '../../domain/evidence/judge-checkpoint.ts';
import type { BlobsReport } from './blob-check.ts';
import type { Renaming, VerificationReport } from '../../domain/evidence/verify-ledger.ts';

/** What the program says; its JSON is this, word for word. */
export interface VerifyResult {
  readonly kind: 'export' | 'proof';
  readonly valid: boolean;
  /** What is wrong, and where; null: nothing. */
  readonly problem: string | null;
  readonly strictness: Strictness;
  readonly origin: string | null;
  /** Entries under the checkpoint. */
  readonly size: number | null;
  /** Hex. */
  readonly root: string | null;
  /** Entries that were checked. */
  readonly entries: number;
  /** Ids of the keys that entries were signed with, or might have been. */
  readonly keyIds: readonly string[];
  readonly witnesses: readonly { readonly name: string; readonly at: string }[];
  /** Whether what the plans of rollouts owe is in the ledger; null: one entry can't tell. */
  readonly evidence: EvidenceReport | null;
  /** Blobs held against what entries say of them; null: not looked at, as one entry can't tell or something else is wrong. */
  readonly blobs: BlobsReport | null;
  /** In one sentence: what is proven, and what is not. */
  readonly proves: string;
}

interface FolderState {
  readonly problem: string | null;
  readonly judged: JudgedCheckpoint | null;
  readonly report: VerificationReport;
  readonly renamings: readonly Renaming[];
  readonly blobs: BlobsReport | null;
}

export function provenByFolder(
  { problem, judged, report, renamings, blobs }: FolderState,
  { strictness }: { readonly strictness: Strictness },
): VerifyResult {
  const parts = partsOf(judged);
  const what =
    `these ${report.entries} entries were signed, in this order and with none missing among them, by the log's keys, ` +
    `and their Merkle root is under a checkpoint that the policy accepts${renamings.map(restoredText).join('')}`;
  return {
    kind: 'export',
    valid: problem === null,
    problem,
    strictness,
    ...parts,
    entries: report.entries,
    keyIds: report.keyIds,
    evidence: report.evidence,
    blobs,
    proves: sentence({ problem, what, witnesses: parts.witnesses, strictness, blobs }),
  };
}

export function provenByProof(
  state: {
    readonly problem: string | null;
    readonly judged: JudgedCheckpoint | null;
    readonly index: bigint | null;
    readonly keyId: string | null;
    readonly isSignatureChecked: boolean;
    /** An ML-DSA-65 signature, whose key only the entries name. */
    readonly hasSecond: boolean;
  },
  strictness: Strictness,
): VerifyResult {
  const { problem, judged, index, keyId, isSignatureChecked, hasSecond } = state;
  const parts = partsOf(judged);
  const second = hasSecond ? ' (its ML-DSA-65 signature is checked with a whole export only)' : '';
  const signed = isSignatureChecked ? ` and is signed by the log's key ${keyId}${second}` : '';
  const what = `this entry is entry ${index} of ${parts.origin}${signed}, under a checkpoint that the policy accepts`;
  return {
    kind: 'proof',
    valid: problem === null,
    problem,
    strictness,
    ...parts,
    entries: problem === null ? 1 : 0,
    keyIds: keyId === null ? [] : [keyId],
    evidence: null,
    blobs: null,
    proves: sentence({ problem, what, witnesses: parts.witnesses, strictness, blobs: null }),
  };
}

/** What was known of the log under its former name and is not in it any more may be somebody's to hide. */
function restoredText({ index, event }: Renaming): string {
  const { fromOrigin, size, newestKnown, reason, by } = event;
  const lost = newestKnown === null ? 'an unknown number of' : `${newestKnown.size - size}`;
  return (
    `; at entry ${index} ${by} restored it from a backup of ${fromOrigin} with ${size} entries, ` +
    `giving up ${lost} later entries (${JSON.stringify(reason)})`
  );
}

function partsOf(judged: JudgedCheckpoint | null) {
  const checkpoint = judged?.checkpoint ?? null;
  return {
    origin: checkpoint?.origin ?? null,
    size: checkpoint === null ? null : Number(checkpoint.size),
    root: checkpoint === null ? null : Buffer.from(checkpoint.root).toString('hex'),
    witnesses: (judged?.witnesses ?? []).map(({ name, atSeconds }) => ({
      name,
      at: timeText(atSeconds),
    })),
  };
}

function sentence(of: {
  readonly problem: string | null;
  readonly what: string;
  readonly witnesses: VerifyResult['witnesses'];
  readonly strictness: Strictness;
  readonly blobs: BlobsReport | null;
}): string {
  const { problem, what, witnesses, strictness, blobs } = of;
  if (problem !== null) return `Nothing is proven: ${problem}.`;
  const names = witnesses.map(({ name, at }) => `${name} (${at})`).join(', ');
  const outside =
    witnesses.length === 0
      ? "nobody outside saw this log: a rewrite by the holder of the key can't be excluded"
      : `what these witnesses saw was never rewritten unless they all helped: ${names}`;
  const lenient =
    strictness === 'lenient' ? '; signatures of strangers on the checkpoint were passed over' : '';
  const same = blobs?.same ?? 0;
  const plural = same === 1 ? 'blob is as it was' : 'blobs are as they were';
  const compared = same === 0 ? '' : `; ${same} ${plural}`;
  const others = compared === '' ? 'blobs' : 'other blobs';
  return (
    `Proven: ${what}${compared}; ${outside}${lenient}. Not proven: that no later entries exist, that what was never recorded ` +
    `did not happen, and the content of ${others}, of which entries hold the digests only.`
  );
}

/** Years beyond what a Date can hold are shown as they are. */
function timeText(atSeconds: bigint): string {
  const atMs = Number(atSeconds) * 1000;
  return atMs <= 8.64e15 ? new Date(atMs).toISOString() : `${atSeconds} s`;
}
