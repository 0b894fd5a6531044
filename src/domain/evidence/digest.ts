import { createHash } from 'node:crypto';

/** Lower-case hex SHA-256. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const LEAF_PREFIX = Uint8Array.of(0);

/** Lower-case hex SHA-256(0x00 || leaf): the leaf hash of a Merkle log, RFC 6962 section 2.1. */
export function leafHashHex(leaf: Uint8Array): string {
  return createHash('sha256').update(LEAF_PREFIX).update(leaf).digest('hex');
}

export function isSha256Hex(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}
