/** A principal's signing key. */
export interface Signer {
  /** Hex SHA-256 of the public key's SPKI DER. A hint for finding the key, never a proof. */
  readonly keyId: string;
  /** SPKI DER. */
  readonly publicKey: Uint8Array;
  /** Ed25519 over `message`: 64 bytes. */
  sign(message: Uint8Array, signal: AbortSignal): Promise<Uint8Array>;
}
