import { webcrypto } from 'node:crypto';
import { chmod, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { x509 } from '../../../adapters/authority/x509.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;

/** A certificate authority of a test, and the certificates that it signs. */
export class TestAuthority {
  readonly pem: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  #serial = 1;

  private constructor(pem: string, keys: webcrypto.CryptoKeyPair) {
    this.pem = pem;
    this.#keys = keys;
  }

  static async make(): Promise<TestAuthority> {
    const keys = await newKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: 'CN=Test authority',
      notBefore: new Date(Date.now() - dayMs),
      notAfter: new Date(Date.now() + 30 * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, 1, true)],
    });
    return new TestAuthority(certificate.toString('pem'), keys);
  }

  /** `lifeMs` from now on; below 0 it is out of date. */
  async issue(
    dnsNames: readonly string[],
    lifeMs = 30 * dayMs,
  ): Promise<{ readonly certificate: string; readonly key: string }> {
    const keys = await newKeys();
    this.#serial += 1;
    const names = dnsNames.map((value) => ({ type: 'dns', value }) as const);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: this.#serial.toString(16).padStart(2, '0'),
      subject: 'CN=test',
      issuer: 'CN=Test authority',
      notBefore: new Date(Date.now() - 2 * dayMs),
      notAfter: new Date(Date.now() + lifeMs),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [new x509.SubjectAlternativeNameExtension(names)],
    });
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    return {
      certificate: certificate.toString('pem'),
      key: x509.PemConverter.encode(key, 'PRIVATE KEY'),
    };
  }
}

/** A folder of pairs, as the gateway reads it. */
export class CertificateFolder implements AsyncDisposable {
  readonly path: string;
  readonly authority: TestAuthority;

  private constructor(path: string, authority: TestAuthority) {
    this.path = path;
    this.authority = authority;
  }

  static async make(
    pairs: Readonly<Record<string, readonly string[]>> = {},
  ): Promise<CertificateFolder> {
    const path = await mkdtemp(join(tmpdir(), 'tidegate-tls-'));
    const folder = new CertificateFolder(path, await TestAuthority.make());
    for (const [name, dnsNames] of Object.entries(pairs)) await folder.add(name, dnsNames);
    return folder;
  }

  async add(name: string, dnsNames: readonly string[], lifeMs?: number): Promise<void> {
    const { certificate, key } = await this.authority.issue(dnsNames, lifeMs);
    await this.write(`${name}.key`, key);
    await this.write(`${name}.crt`, certificate);
  }

  /** In one step, as a tool that renews certificates does. */
  async write(file: string, text: string, mode = 0o600): Promise<void> {
    const path = join(this.path, file);
    await writeFile(`${path}.new`, text);
    await chmod(`${path}.new`, mode);
    await rename(`${path}.new`, path);
  }

  async remove(file: string): Promise<void> {
    await rm(join(this.path, file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}
