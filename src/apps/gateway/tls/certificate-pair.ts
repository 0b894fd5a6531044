import { createPrivateKey, X509Certificate } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { contextOptions } from './tls-settings.ts';

/** Where a certificate and its key are: `NAME.crt` has the chain, the server's own certificate first. */
export interface PairFiles {
  readonly name: string;
  readonly certificate: string;
  readonly key: string;
}

/** A certificate with its key, ready to be served. */
export interface CertificatePair {
  readonly name: string;
  readonly context: SecureContext;
  /** What the context was made of. It has the key: never to be shown. */
  readonly contextInput: SecureContextOptions;
  readonly certificate: X509Certificate;
  /** Of its subjectAltName, lower case; `*.` stands for one label. */
  readonly dnsNames: readonly string[];
  /** What an operator should know though it is served. */
  readonly warnings: readonly string[];
}

/** Why a pair is no use. Nothing of a key is ever in it. */
export interface PairFault {
  readonly file: string;
  readonly reason: string;
}

/** A chain of five certificates with ML-DSA signatures has 40 KB. */
const fileBytesMax = 256 * 1024;
const soonMs = 14 * 24 * 3_600_000;

/** `nowMs` is since the epoch, for the certificate's validity. */
export async function readPair(
  { name, certificate: certificateFile, key: keyFile }: PairFiles,
  nowMs: number,
): Promise<CertificatePair | PairFault> {
  const chain = await readBounded(certificateFile);
  if ('reason' in chain) return chain;
  const key = await readBounded(keyFile);
  if ('reason' in key) return key;
  const fault = permissionFault(key);
  if (fault !== null) return { file: keyFile, reason: fault };
  const certificate = attempt(() => new X509Certificate(chain.bytes));
  if (certificate === null) {
    return { file: certificateFile, reason: 'does not begin with a certificate in PEM' };
  }
  const privateKey = attempt(() => createPrivateKey(key.bytes));
  if (privateKey === null) {
    return { file: keyFile, reason: 'has no private key in PEM, or one with a passphrase' };
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    return { file: keyFile, reason: `is not the key of the certificate in ${certificateFile}` };
  }
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  const contextInput = { ...contextOptions, cert: chain.bytes, key: pem };
  const context = contextOf(contextInput);
  if (typeof context === 'string') return { file: certificateFile, reason: context };
  const dnsNames = dnsNamesOf(certificate.subjectAltName);
  const warnings = warningsOf(certificate, nowMs);
  return { name, context, contextInput, certificate, dnsNames, warnings };
}

interface FoundFile {
  readonly bytes: Buffer;
  readonly mode: number;
  readonly ownerId: number;
}

async function readBounded(file: string): Promise<FoundFile | PairFault> {
  try {
    await using handle = await open(file, 'r');
    const found = await handle.stat();
    if (!found.isFile()) return { file, reason: 'is no file' };
    if (found.size > fileBytesMax) return { file, reason: `is longer than ${fileBytesMax} bytes` };
    return { bytes: await handle.readFile(), mode: found.mode, ownerId: found.uid };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return { file, reason: `cannot be read: ${code}` };
  }
}

/**
 * As PostgreSQL has it for its server key: ours and for nobody else, or root's and for one group to read, which is how
 * secrets are mounted for a process that is not root. A key that others can read is refused and not merely told of,
 * since a line in a log has never taken a key back.
 */
function permissionFault({ mode, ownerId }: FoundFile): string | null {
  const permissions = mode & 0o777;
  const isRoots = ownerId === 0 && process.getuid?.() !== 0;
  const allowed = isRoots ? 0o740 : 0o700;
  if ((permissions & ~allowed) === 0) return null;
  const shown = permissions.toString(8).padStart(4, '0');
  return `has the permissions ${shown}, so others may use the key; make them 0600 (chmod 600)`;
}

function contextOf(input: SecureContextOptions): SecureContext | string {
  try {
    return createSecureContext(input);
  } catch (error) {
    // OpenSSL names the fault of a chain, such as a key that is too small.
    return `cannot be served: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** `DNS:a.example, IP Address:127.0.0.1`; a name that Node had to quote is none that anybody asks for. */
export function dnsNamesOf(subjectAltName: string | undefined): readonly string[] {
  const names: string[] = [];
  for (const part of (subjectAltName ?? '').split(', ')) {
    const name = /^DNS:((?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/i.exec(part)?.[1];
    if (name !== undefined) names.push(name.toLowerCase());
  }
  return names;
}

function warningsOf(certificate: X509Certificate, nowMs: number): readonly string[] {
  const fromMs = Date.parse(certificate.validFrom);
  const toMs = Date.parse(certificate.validTo);
  if (nowMs > toMs) return [`is out of date since ${certificate.validTo}`];
  if (nowMs < fromMs) return [`is not valid before ${certificate.validFrom}`];
  if (toMs - nowMs < soonMs) return [`is out of date from ${certificate.validTo} on`];
  return [];
}

function attempt<T>(make: () => T): T | null {
  try {
    return make();
  } catch {
    // What OpenSSL says of a broken file helps nobody; the callers say which file and what it should be.
    return null;
  }
}
