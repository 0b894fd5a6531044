import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';

import { sha256Hex } from '../../domain/evidence/digest.ts';
import { rawKeyOf } from '../../domain/evidence/note-key.ts';
import type { PostQuantumKeys, Signer } from '../../ports/identity.ts';

/** PKCS8 of an Ed25519 key is this prefix and the 32 bytes of the seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A signer that is the same for the same seed (32 bytes), for tests and simulations. */
export function createMemorySigner(seed: Uint8Array): Signer {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    keyId: sha256Hex(publicKey),
    publicKey,
    sign: async (message, signal) => {
      signal.throwIfAborted();
      return sign(null, message, privateKey);
    },
  };
}

/** The same with post-quantum keys, which are others each time, as is what they sign. */
export function createMemoryPairSigner(
  seed: Uint8Array,
): Signer & { readonly postQuantum: PostQuantumKeys } {
  const { privateKey, publicKey } = generateKeyPairSync('ml-dsa-65');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const ofCheckpoints = generateKeyPairSync('ml-dsa-44').publicKey;
  const postQuantum: PostQuantumKeys = {
    keyId: sha256Hex(spki),
    publicKey: spki,
    sign: async (message, signal) => {
      signal.throwIfAborted();
      return sign(null, message, privateKey);
    },
    checkpointKey: rawKeyOf(
      'cosignature-ml-dsa-44',
      ofCheckpoints.export({ type: 'spki', format: 'der' }),
    ),
  };
  return { ...createMemorySigner(seed), postQuantum };
}
