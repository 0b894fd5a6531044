import type { NoteKeyType } from '../domain/evidence/note-key.ts';

/** A principal's signing key. */
export interface Signer {
  /** Hex SHA-256 of the public key's SPKI DER. A hint for finding the key, never a proof. */
  readonly keyId: string;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  /** Ed25519 over `message`: 64 bytes. */
  sign(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** What makes its word hold when Ed25519 has fallen; absent: a principal that has none. */
  readonly postQuantum?: PostQuantumKeys;
}

/** Of the same principal, made with its Ed25519 key and rotated with it. */
export interface PostQuantumKeys {
  /** Hex SHA-256 of the ML-DSA-65 key's SPKI DER. */
  readonly keyId: string;
  /** SPKI DER of the ML-DSA-65 key. */
  readonly publicKey: Uint8Array;
  /** ML-DSA-65 (FIPS 204) over `message`: 3,309 bytes, others each time. */
  sign(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
  /** The ML-DSA-44 key of checkpoints, as the scheme encodes it: 1,312 bytes. */
  readonly checkpointKey: Uint8Array;
}

/** A key that signs checkpoints. Its name in them is given by who uses it: a log's origin, or a witness's name. */
export interface NoteSigner {
  readonly type: NoteKeyType;
  /** As the scheme encodes it: 32 bytes of Ed25519, 1,312 of ML-DSA-44. */
  readonly publicKey: Uint8Array;
  /** The bare signature over `message`, without a time before it. */
  sign(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}
