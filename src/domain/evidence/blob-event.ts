import { EvidenceError } from './canonical-json.ts';
import type { JsonObject, JsonValue } from './canonical-json.ts';
import { readArray, readCount, readObject, readSha256, readText } from './read-json.ts';

/**
 * What the ledger says of bytes that are kept beside it: that they were stored, could not be, or were deleted because their time
 * was over. So a blob that is not there is either explained by an entry or missing.
 */
export interface BlobEvent {
  readonly action: BlobAction;
  readonly service: string;
  /** Null: of no rollout. */
  readonly rolloutId: string | null;
  /** Why it could not be stored, or was deleted; null of what was stored. */
  readonly reason: string | null;
  readonly blobs: readonly BlobDescriptor[];
}

export type BlobAction = 'stored' | 'not-stored' | 'retired';

/** in-toto's ResourceDescriptor v1, as far as it is used: name, mediaType, digest, and the size as an annotation. */
export interface BlobDescriptor {
  readonly name: string;
  readonly mediaType: string;
  /** Of the bytes as they were, not as a store keeps them; lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Where a blob is kept, in the folder of blobs of a state folder, a backup or an export: `3f/3f9a….zst`, compressed with zstd. */
export function blobPath(sha256: string): string {
  return `${sha256.slice(0, 2)}/${sha256}.zst`;
}

/** Where the ledger speaks of its blobs. */
export const BLOB_STREAM = 'ledger/blobs';

/** What is known of one blob after some events. */
export interface BlobState extends BlobDescriptor {
  readonly action: BlobAction;
  readonly service: string;
  readonly rolloutId: string | null;
  readonly reason: string | null;
  /** When the newest event of it was recorded. */
  readonly atMs: number;
}

const ACTIONS: readonly BlobAction[] = ['stored', 'not-stored', 'retired'];

export function blobEventData(event: BlobEvent): JsonObject {
  const { action, service, rolloutId, reason, blobs } = event;
  return { action, blobs: blobs.map(descriptorJson), reason, rolloutId, service };
}

/** Throws an EvidenceError. */
export function readBlobEvent(data: JsonValue): BlobEvent {
  const keys = ['action', 'blobs', 'reason', 'rolloutId', 'service'];
  const event = readObject(data, keys, 'the blob event');
  const action = ACTIONS.find((each) => each === event['action']);
  if (action === undefined) throw new EvidenceError('its action is none of a blob event');
  return {
    action,
    service: readText(event['service'], 'service'),
    rolloutId: event['rolloutId'] === null ? null : readText(event['rolloutId'], 'rolloutId'),
    reason: event['reason'] === null ? null : readText(event['reason'], 'reason'),
    blobs: readArray(event['blobs'], 'blobs').map(readDescriptor),
  };
}

/** Takes one event into what is known of the blobs, by their digests. */
export function applyBlobEvent(
  known: Map<string, BlobState>,
  event: BlobEvent,
  atMs: number,
): void {
  const { action, service, rolloutId, reason } = event;
  for (const blob of event.blobs) {
    const before = known.get(blob.sha256)?.action;
    // What could not be stored again is there all the same.
    if (action === 'not-stored' && before === 'stored') continue;
    known.set(blob.sha256, { ...blob, action, service, rolloutId, reason, atMs });
  }
}

function descriptorJson({ name, mediaType, sha256, sizeBytes }: BlobDescriptor): JsonObject {
  return { annotations: { sizeBytes }, digest: { sha256 }, mediaType, name };
}

function readDescriptor(value: JsonValue): BlobDescriptor {
  const keys = ['annotations', 'digest', 'mediaType', 'name'];
  const descriptor = readObject(value, keys, 'a blob');
  const digest = readObject(descriptor['digest'], ['sha256'], 'a digest');
  const annotations = readObject(descriptor['annotations'], ['sizeBytes'], 'annotations');
  return {
    name: readText(descriptor['name'], "a blob's name"),
    mediaType: readText(descriptor['mediaType'], "a blob's media type"),
    sha256: readSha256(digest['sha256'], "a blob's digest"),
    sizeBytes: readCount(annotations['sizeBytes'], "a blob's size"),
  };
}
