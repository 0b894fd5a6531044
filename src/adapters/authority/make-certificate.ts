import { createPrivateKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import type * as library from '@peculiar/x509';
import type { SpiffeId } from '../../domain/identity/spiffe-id.ts';

/** X509-SVID section 4 has what is in a certificate of either kind; keys of our own are ECDSA on P-256. */
const ownAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

type X509 = typeof library;

/** Loaded by those alone who make certificates: it takes a tenth of a second. */
async function loadX509(): Promise<X509> {
  return (await import('./x509.ts')).x509;
}

/** A key and what speaks for it. `keyPem` is PKCS #8 and secret. */
export interface CertifiedKey {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** What signs: the certificate that is named as the issuer, and its key. */
export interface Signer {
  readonly certificatePem: string;
  readonly key: KeyObject;
}

/** A self-signed certificate that may sign those of workloads, and no other authority's. */
export async function makeAuthority(
  id: SpiffeId,
  { number, validity }: { readonly number: number; readonly validity: Validity },
): Promise<CertifiedKey> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `O=Tidegate,CN=Authority ${number}`,
    ...datesOf(validity),
    signingAlgorithm: ownAlgorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: id.text }]),
    ],
  });
  return { certificatePem: pemOf(certificate), keyPem: await pkcs8Of(keys) };
}

export interface SvidWish {
  readonly id: SpiffeId;
  /** What callers may name whoever has it beside its identifier; most have none. */
  readonly dnsNames: readonly string[];
  readonly validity: Validity;
}

/** A certificate for a new key; it has the one identifier as its URI, and may be shown by a client or a server. */
export async function makeSvid(signer: Signer, wish: SvidWish): Promise<CertifiedKey> {
  const x509 = await loadX509();
  const keys = await newKeys();
  const { algorithm, hash } = signingAlgorithmOf(signer.key);
  const issuer = new x509.X509Certificate(signer.certificatePem);
  const names = wish.dnsNames.map((value) => ({ type: 'dns', value }) as const);
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ O: ['Tidegate'] }, { CN: [commonNameOf(wish.id)] }],
    issuer: issuer.subjectName,
    ...datesOf(wish.validity),
    signingAlgorithm: { ...algorithm, hash },
    publicKey: keys.publicKey,
    signingKey: await signingKeyOf(signer.key, algorithm),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
      await authorityKeyIdentifier(x509, issuer),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.SubjectAlternativeNameExtension([{ type: 'url', value: wish.id.text }, ...names]),
    ],
  });
  return { certificatePem: pemOf(certificate), keyPem: await pkcs8Of(keys) };
}

/** A key that can sign here; null: of another kind. PEM of PKCS #8, or as OpenSSL wrote them earlier. */
export function readSigningKey(pem: string): KeyObject | null {
  try {
    const key = createPrivateKey(pem);
    signingAlgorithmOf(key);
    return key;
  } catch {
    // What OpenSSL says of a broken key helps nobody; who asked says which file it is.
    return null;
  }
}

interface SigningAlgorithm {
  readonly algorithm:
    | { readonly name: 'ECDSA'; readonly namedCurve: 'P-256' | 'P-384' }
    | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: 'SHA-256' };
  readonly hash: 'SHA-256' | 'SHA-384';
}

function signingAlgorithmOf({
  asymmetricKeyType,
  asymmetricKeyDetails,
}: KeyObject): SigningAlgorithm {
  if (asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048) {
    return { algorithm: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, hash: 'SHA-256' };
  }
  const curve = asymmetricKeyType === 'ec' ? asymmetricKeyDetails?.namedCurve : undefined;
  if (curve === 'prime256v1') {
    return { algorithm: { name: 'ECDSA', namedCurve: 'P-256' }, hash: 'SHA-256' };
  }
  if (curve === 'secp384r1') {
    return { algorithm: { name: 'ECDSA', namedCurve: 'P-384' }, hash: 'SHA-384' };
  }
  throw new RangeError('neither RSA of 2048 bits or more, nor ECDSA on P-256 or P-384');
}

function signingKeyOf(
  key: KeyObject,
  algorithm: SigningAlgorithm['algorithm'],
): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ownAlgorithm, true, ['sign', 'verify']);
}

async function pkcs8Of({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  return `${(await loadX509()).PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

/** 16 octets from chance; the first is from 1 to 127, so that it is positive and always of one length. */
function newSerial(): string {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) % 127) + 1;
  return octets.toString('hex');
}

function datesOf({ notBeforeMs, notAfterMs }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(notBeforeMs), notAfter: new Date(notAfterMs) };
}

/** As the issuer calls its key, where it says so: the chain is found by it (RFC 5280 section 4.2.1.1). */
async function authorityKeyIdentifier(x509: X509, issuer: InstanceType<X509['X509Certificate']>) {
  const own = issuer.getExtension(x509.SubjectKeyIdentifierExtension);
  if (own !== null) return new x509.AuthorityKeyIdentifierExtension(own.keyId);
  return x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export());
}

/** For people who look at a certificate; at most 64 characters (RFC 5280 appendix A.1). */
function commonNameOf({ workload, path }: SpiffeId): string {
  return (workload?.name ?? path.slice(1)).slice(0, 64);
}

function pemOf(certificate: { toString(format: 'pem'): string }): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}
