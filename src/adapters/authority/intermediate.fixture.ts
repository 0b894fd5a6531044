import { webcrypto } from 'node:crypto';
import { x509 } from './x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 3_600_000;

/** Of an operator: a root, or what it has signed. */
export interface MadeAuthority {
  readonly pem: string;
  readonly keyPem: string;
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
}

let serial = 1;

/** By itself, or by another one; `depth` is how many authorities may stand below it. */
export async function madeAuthority(
  name: string,
  depth: number,
  by: MadeAuthority | null = null,
): Promise<MadeAuthority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  serial += 1;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial.toString(16).padStart(4, '0'),
    subject: `CN=${name}`,
    issuer: `CN=${by?.name ?? name}`,
    notBefore: new Date(Date.now() - hourMs),
    notAfter: new Date(Date.now() + 24 * hourMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(true, depth, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  const keyPem = `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n`;
  return { pem: `${certificate.toString('pem').trimEnd()}\n`, keyPem, name, keys };
}
