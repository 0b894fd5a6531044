import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sha256Hex } from '../../domain/evidence/digest.ts';
import { createMemorySigner } from './memory-signer.ts';

// RFC 8032 section 7.1, TEST 1: the empty message.
const SEED = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
const PUBLIC = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
const SIGNATURE =
  'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
  '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b';

test('a seed gives the key and the signature of RFC 8032', async () => {
  const signer = createMemorySigner(Buffer.from(SEED, 'hex'));
  assert.equal(Buffer.from(signer.publicKey).subarray(12).toString('hex'), PUBLIC);
  assert.equal(signer.keyId, sha256Hex(signer.publicKey));
  const signature = await signer.sign(new Uint8Array(0), AbortSignal.timeout(60_000));
  assert.equal(Buffer.from(signature).toString('hex'), SIGNATURE);
});
