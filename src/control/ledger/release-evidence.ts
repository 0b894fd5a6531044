import { approvalEnvelopeOf } from '../../domain/evidence/approval/approval-entry.ts';
import { readApproval, requestSha256 } from '../../domain/evidence/approval/approval.ts';
import {
  isPersonEvent,
  readEnrolment,
  readPersonEvent,
} from '../../domain/evidence/approval/person-enrolment.ts';
import { BLOB_STREAM } from '../../domain/evidence/blob-event.ts';
import type { JsonObject, JsonValue } from '../../domain/evidence/canonical-json.ts';
import type { Hash } from '../../domain/evidence/digest.ts';
import type { NoteSigner } from '../../ports/identity.ts';
import type { LedgerStore, StoredEntry } from '../../ports/ledger-store.ts';
import type { LedgerTree } from '../../ports/ledger-tree.ts';
import { streamOfApprovals } from '../desks/approval-desk.ts';
import { LOAD_STREAM } from '../desks/load-desk.ts';
import { recordedEntry, type RecordedEntry } from '../recording/recorder.ts';
import { streamOfService } from '../recording/recovery.ts';
import { KEY_STREAM } from '../recording/wanted-signer.ts';
import { logPolicyLines } from './checkpointer.ts';
import { originAt } from './ledger-origin.ts';
import { inclusionProof } from './ledger-proofs.ts';

/** What the ledger has of one rollout, and the proofs that it has it. */
export interface ReleaseEvidence {
  /** A signed note; null: none was made yet. */
  readonly checkpoint: string | null;
  readonly policy: readonly string[];
  readonly isWhole: boolean;
  /** In the ledger's order. */
  readonly entries: readonly ProvenEntry[];
}

export interface ProvenEntry {
  readonly index: number;
  readonly about: 'keys' | 'release';
  readonly leaf: Uint8Array;
  /** Null: it is newer than the checkpoint. */
  readonly hashes: readonly Hash[] | null;
}

export interface ReleaseEvidenceParts {
  readonly store: Pick<LedgerStore, 'read'> & Pick<LedgerTree, 'hashes' | 'checkpoints'>;
  /** What signs checkpoints now. */
  readonly notes: () => readonly NoteSigner[];
}

/** More than a rollout of weeks has; the answer has at most some 60 MB at the largest entries there can be, and 2 MB at usual ones. */
const entriesMax = 1_000;

/**
 * Entries about the rollout, and those that say who may sign them: of the ledger's keys all, of people's those of who spoke. Null: the
 * ledger has no such rollout.
 */
export async function releaseEvidence(
  { store, notes }: ReleaseEvidenceParts,
  { service, rolloutId }: { readonly service: string; readonly rolloutId: string },
  signal: AbortSignal,
): Promise<ReleaseEvidence | null> {
  const about = await entriesAbout(store, { service, rolloutId }, signal);
  if (about.length === 0) return null;
  const keys = await keyEntries(store, signersOf(about), signal);
  const found = [
    ...keys.map((each) => ({ ...each, about: 'keys' as const })),
    ...about.map((each) => ({ ...each, about: 'release' as const })),
  ].toSorted((a, b) => a.stored.index - b.stored.index);
  const newest = (await store.checkpoints(0, signal)).at(-1) ?? null;
  const size = newest?.size ?? 0;
  const entries: ProvenEntry[] = [];
  for (const { stored, about: what } of found.slice(0, entriesMax)) {
    const { index, leaf } = stored;
    const hashes = index < size ? await inclusionProof(store, { index, size }, signal) : null;
    entries.push({ index, about: what, leaf, hashes });
  }
  return {
    checkpoint: newest?.note ?? null,
    policy: logPolicyLines(await originAt(store, size === 0 ? Infinity : size, signal), notes()),
    isWhole: found.length <= entriesMax,
    entries,
  };
}

interface Found {
  readonly stored: StoredEntry;
  readonly entry: RecordedEntry;
}

type Reader = Pick<LedgerStore, 'read'>;

async function entriesAbout(
  store: Reader,
  { service, rolloutId }: { readonly service: string; readonly rolloutId: string },
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const isAbout = ({ data }: RecordedEntry): boolean => fieldOf(data, 'rolloutId') === rolloutId;
  const own = await matching(store, streamOfService(service), isAbout, signal);
  const requests = new Set(
    own.flatMap(({ entry }) =>
      entry.type === 'approval-request' ? [requestSha256(entry.data)] : [],
    ),
  );
  const answers = (entry: RecordedEntry): boolean =>
    entry.type === 'approval' &&
    requests.has(readApproval(approvalEnvelopeOf(entry.data)).approval.requestSha256);
  return [
    ...own,
    ...(requests.size === 0
      ? []
      : await matching(store, streamOfApprovals(service), answers, signal)),
    ...(await matching(store, LOAD_STREAM, isAbout, signal)),
    ...(await matching(store, BLOB_STREAM, isAbout, signal)),
  ];
}

/** Ids of the Ed25519 keys that people signed approvals with. */
function signersOf(found: readonly Found[]): ReadonlySet<string> {
  return new Set(
    found.flatMap(({ entry }) =>
      entry.type === 'approval'
        ? [readApproval(approvalEnvelopeOf(entry.data)).envelope.signatures.ed25519.keyId]
        : [],
    ),
  );
}

/** Those of the ledger itself, and of the people who hold one of `keyIds`: nobody else's name is anybody's business. */
async function keyEntries(
  store: Reader,
  keyIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const people = new Set<string>();
  const isOurs = ({ data }: RecordedEntry): boolean => {
    if (!isPersonEvent(data)) return true;
    const event = readPersonEvent(data);
    switch (event.action) {
      case 'enrol-person': {
        const { person, keys } = readEnrolment(event.enrolment);
        if (!keyIds.has(keys.ed25519.keyId)) return false;
        people.add(person);
        return true;
      }
      case 'assign-roles':
        return people.has(event.person);
      case 'revoke-person':
        return keyIds.has(event.keyId);
    }
  };
  return matching(store, KEY_STREAM, isOurs, signal);
}

async function matching(
  store: Reader,
  stream: string,
  isWanted: (entry: RecordedEntry) => boolean,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for await (const stored of store.read({ fromIndex: 0, stream }, signal)) {
    const entry = recordedEntry(stored);
    if (isWanted(entry)) found.push({ stored, entry });
  }
  return found;
}

function fieldOf(data: JsonValue, name: string): JsonValue | undefined {
  return isObject(data) ? data[name] : undefined;
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
