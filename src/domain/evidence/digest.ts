import { hash } from 'node:crypto';

/** Lower-case hex SHA-256. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return hash('sha256', bytes);
}

/** 32 bytes of SHA-256. */
export type Hash = Uint8Array;

export const HASH_BYTES = 32;

const LEAF_PREFIX = Uint8Array.of(0);

/** 0x00 and room for the longest leaf there is (leaf.ts); filled and hashed within one call, as is that of nodes. */
const LEAF_ROOM = Buffer.alloc(1 + 60 * 1024);

/** 0x01 and room for two hashes; filled and hashed within one call, so that no call makes garbage. */
const NODE_BYTES = Buffer.alloc(1 + 2 * HASH_BYTES, 1);

/** Lower-case hex SHA-256(0x00 || leaf): the leaf hash of a Merkle log, RFC 6962 section 2.1. */
export function leafHashHex(leaf: Uint8Array): string {
  return hash('sha256', prefixed(leaf));
}

/** SHA-256(0x00 || leaf), RFC 6962 section 2.1. */
export function leafHash(leaf: Uint8Array): Hash {
  return hash('sha256', prefixed(leaf), 'buffer');
}

/** 0x00 || leaf, in bytes that the next call uses again. */
function prefixed(leaf: Uint8Array): Uint8Array {
  if (leaf.length >= LEAF_ROOM.length) return Buffer.concat([LEAF_PREFIX, leaf]);
  LEAF_ROOM.set(leaf, 1);
  return LEAF_ROOM.subarray(0, 1 + leaf.length);
}

/** SHA-256(0x01 || left || right): the hash of a node from its two children, RFC 6962 section 2.1. */
export function nodeHash(left: Hash, right: Hash): Hash {
  NODE_BYTES.set(left, 1);
  NODE_BYTES.set(right, 1 + HASH_BYTES);
  return hash('sha256', NODE_BYTES, 'buffer');
}

/** The root of the tree without leaves: SHA-256 of nothing, RFC 6962 section 2.1. */
export function emptyRoot(): Hash {
  return hash('sha256', '', 'buffer');
}

export function isSameHash(one: Hash, other: Hash): boolean {
  return Buffer.compare(one, other) === 0;
}

export function hexOfHash(hash: Hash): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('hex');
}

export function isSha256Hex(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}
