import { approvalEnvelopeOf } from './approval/approval-entry.ts';
import { readPersonEnvelope } from './approval/person-envelope.ts';
import { personAlgorithms } from './approval/person-keys.ts';
import type { PersonAlgorithm } from './approval/person-keys.ts';
import { readLeaf } from './leaf.ts';
import { readUtf8 } from './read-json.ts';

/**
 * One signature of an entry by itself, in the forms that public tools take: they refuse an envelope with two (cosign, sigstore), or
 * know no envelopes at all (openssl). Nothing is signed anew: bytes and signature are those of the entry.
 */
export interface SingleSignature {
  /** Whose: the server's, which made the entry, or that of the person whose approval is in it. */
  readonly by: 'server' | 'person';
  readonly algorithm: PersonAlgorithm;
  /** Hex SHA-256 of the SPKI. */
  readonly keyId: string;
  readonly signature: Uint8Array;
  /** The pre-authentication encoding of DSSE: what the signature is over. */
  readonly signedBytes: Uint8Array;
  /** A Sigstore bundle of version 0.3 with a DSSE envelope of this one signature, as JSON. */
  readonly bundle: string;
}

/** Throws an EvidenceError when the bytes are no entry. No signature is checked here. */
export function singleSignatures(leaf: Uint8Array): readonly SingleSignature[] {
  const { statement, keyId, signature, second, signedBytes } = readLeaf(leaf);
  const envelope = readUtf8(leaf, 'the entry');
  const own = [{ keyId, signature }, ...(second === null ? [] : [second])];
  const ofServer = own.map((each, at) => {
    const algorithm = personAlgorithms[at] ?? 'ed25519';
    return singleOf(envelope, { by: 'server', algorithm, ...each, signedBytes });
  });
  if (statement.type !== 'approval') return ofServer;
  const inner = approvalEnvelopeOf(statement.data);
  const said = readPersonEnvelope(inner);
  const ofPerson = personAlgorithms.map((algorithm) => {
    const each = said.signatures[algorithm];
    return singleOf(inner, { by: 'person', algorithm, ...each, signedBytes: said.signedBytes });
  });
  return [...ofServer, ...ofPerson];
}

function singleOf(envelope: string, of: Omit<SingleSignature, 'bundle'>): SingleSignature {
  // Read strictly before; only its text of the payload is wanted, as it stands there.
  const { payload, payloadType } = JSON.parse(envelope) as Readonly<Record<string, string>>;
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: of.keyId }, tlogEntries: [] },
    dsseEnvelope: {
      payload,
      payloadType,
      // No keyid, which DSSE leaves open: cosign passes a signature over whose keyid is not a fingerprint of its own making.
      signatures: [{ sig: Buffer.from(of.signature).toString('base64') }],
    },
  };
  return { ...of, bundle: `${JSON.stringify(bundle, null, 2)}\n` };
}
