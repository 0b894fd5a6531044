import { KeyDirectory } from '../../domain/evidence/key-directory.ts';
import type { Signer } from '../../ports/identity.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import { readEntry, RecorderError } from './recorder-index.ts';

/** Where the ledger speaks of its own keys. */
export const KEY_STREAM = 'ledger/keys';

/** What is known of a ledger's keys after `size` entries. */
interface KnownKeys {
  readonly keys: KeyDirectory;
  readonly size: number;
}

/** Of these signers the one that the ledger lets sign its next entry. Throws a RecorderError `key-mismatch`: none of them. */
export function wantedSigner(known: KnownKeys, signers: readonly Signer[]): Signer {
  const found = signers.find((each) => isWanted(known, each));
  if (found !== undefined) return found;
  throw mismatch(
    known,
    signers.map(({ keyId }) => keyId),
  );
}

/**
 * Throws a RecorderError `key-mismatch` unless the ledger lets one of these Ed25519 keys sign its next entry; an empty one lets any.
 * For whoever must not be in a writer's way before it is known that it could write in its place.
 */
export async function requireWriterKey(
  ledger: Pick<LedgerStore, 'head' | 'read'>,
  keyIds: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { size } = await ledger.head(signal);
  if (size === 0) return;
  const keys = new KeyDirectory();
  for await (const stored of ledger.read({ fromIndex: 0, stream: KEY_STREAM }, signal)) {
    const { statement } = readEntry(stored);
    if (statement.type === 'key-event') keys.apply(stored.index, statement.data);
  }
  if (!keyIds.some((keyId) => keys.isValidAt(keyId, size))) throw mismatch({ keys, size }, keyIds);
}

/** By its Ed25519 key, and by the whole pair where the ledger knows one. */
function isWanted({ keys, size }: KnownKeys, { keyId, postQuantum }: Signer): boolean {
  if (!keys.isValidAt(keyId, size)) return false;
  return !keys.needsBothAt(size) || keys.setAt(size)?.mlDsa65.keyId === postQuantum?.keyId;
}

function mismatch({ keys, size }: KnownKeys, keyIds: readonly string[]): RecorderError {
  const ours = keyIds.join(', ');
  const ended = keys
    .machineKeys()
    .find(({ keyId, validToIndex }) => keyIds.includes(keyId) && (validToIndex ?? size) < size);
  const inUse = keys.keyIds().filter((keyId) => keys.isValidAt(keyId, size));
  const why =
    ended === undefined
      ? `it only knows ${keys.keyIds().join(', ')}; put back the key files that belong to this ledger`
      : `key ${ended.keyId} ended with entry ${ended.validToIndex}, which brought ${inUse.join(', ')}; copy the folder keys of ` +
        'the server that rotated them, or of its newest keys backup, over the one here';
  return new RecorderError('key-mismatch', `cannot write to the ledger with key ${ours}: ${why}`, {
    retryable: false,
  });
}
