import { type KeyObject, X509Certificate } from 'node:crypto';
import type { AuthorityTimes } from '../../domain/identity/authority-schedule.ts';
import { trustDomainFault } from '../../domain/identity/spiffe-id.ts';
import { readSigningKey } from './make-certificate.ts';

/** One authority as its folder has it, but for its key. */
export interface Authority extends AuthorityTimes {
  readonly trustDomain: string;
  /** `given`: by files of the operator, with a certificate from elsewhere. */
  readonly origin: 'own' | 'given';
  /** PEM: what signs first, then the certificates between it and a root, if there are any. */
  readonly chainPem: string;
  /** PEM: the roots that others trust for it. */
  readonly rootsPem: string;
  /** False: it is over, and its key was removed. */
  readonly hasKey: boolean;
}

/** What is written of it beside the PEM files. */
export interface AuthorityNote extends AuthorityTimes {
  readonly format: 1;
  readonly trustDomain: string;
  readonly origin: Authority['origin'];
}

export const svidLifeMsRange = { min: 1000, max: 24 * 3_600_000 } as const;

/** Null: it is not what is written here. */
export function parseNote(text: string): AuthorityNote | null {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof AuthorityNote, unknown>> | null;
    if (value?.format !== 1) return null;
    const { number, createdAtMs, signsFromMs, notAfterMs, svidLifeMs, trustDomain } = value;
    const origin = value.origin === 'own' || value.origin === 'given' ? value.origin : null;
    const isWhole = [number, createdAtMs, signsFromMs, notAfterMs, svidLifeMs].every(
      (each) => Number.isSafeInteger(each) && Number(each) >= 0,
    );
    if (!isWhole || origin === null || typeof trustDomain !== 'string') return null;
    if (trustDomainFault(trustDomain) !== null) return null;
    return {
      format: 1,
      number: Number(number),
      createdAtMs: Number(createdAtMs),
      signsFromMs: Number(signsFromMs),
      notAfterMs: Number(notAfterMs),
      svidLifeMs: Number(svidLifeMs),
      trustDomain,
      origin,
    };
  } catch {
    // Not JSON: told as such by who reads the folder.
    return null;
  }
}

export interface GivenAuthority {
  readonly chainPem: string;
  readonly keyPem: string;
  readonly rootsPem: string;
}

export type CheckedAuthority =
  | { readonly kind: 'fit'; readonly key: KeyObject; readonly notAfterMs: number }
  /** In words that go behind 'the files'. */
  | { readonly kind: 'unfit'; readonly reason: string };

/** Whether certificates can be signed with it that those who trust the roots accept. */
export function checkGiven(
  { chainPem, keyPem, rootsPem }: GivenAuthority,
  nowMs: number,
): CheckedAuthority {
  const key = readSigningKey(keyPem);
  if (key === null) {
    return unfit(
      'have no key that can sign: RSA of 2048 bits or more, or ECDSA on P-256 or P-384, without a passphrase',
    );
  }
  const chain = certificatesIn(chainPem);
  const roots = certificatesIn(rootsPem);
  const [signing] = chain;
  if (signing === undefined) return unfit('have no certificate in PEM');
  if (roots.length === 0) return unfit('have no root in PEM');
  if (!signing.checkPrivateKey(key)) {
    return chain.some((each) => each.checkPrivateKey(key))
      ? unfit('have certificates in a wrong order: the one that the key is of comes first')
      : unfit('have a key that is not the one of the first certificate');
  }
  if (!signing.ca)
    return unfit('have a certificate that may not sign others (basicConstraints: CA)');
  for (const each of [...chain, ...roots]) {
    if (Date.parse(each.validTo) <= nowMs)
      return unfit(`have a certificate that ended on ${each.validTo}`);
    if (Date.parse(each.validFrom) > nowMs) {
      return unfit(`have a certificate that is not valid before ${each.validFrom}`);
    }
  }
  // Who verifies goes on to the end of a chain, so one that stops below it verifies nowhere.
  const below = roots.find((root) => !isIssued(root, root));
  if (below !== undefined) {
    return unfit(
      `have no root: ${oneLine(below.subject)} is signed by ${oneLine(below.issuer)}, whose certificate is wanted`,
    );
  }
  const stray = strayOf(chain, roots);
  if (stray !== null) {
    const issuer = oneLine(stray.issuer);
    return unfit(
      `have a certificate that leads to none of the roots: its issuer (${issuer}) is neither the next one nor a root`,
    );
  }
  const notAfterMs = Math.min(...[...chain, ...roots].map(({ validTo }) => Date.parse(validTo)));
  return { kind: 'fit', key, notAfterMs };
}

const pemPattern = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
/** In one file. */
const certificatesMax = 32;

/** In order; what cannot be read makes all of it none. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  const found = (pem.match(pemPattern) ?? []).slice(0, certificatesMax);
  try {
    return found.map((each) => new X509Certificate(each));
  } catch {
    // Told by the caller, who knows which file it is.
    return [];
  }
}

/** Where the way from the first certificate to a root breaks off; null: it gets there. */
function strayOf(
  chain: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): X509Certificate | null {
  for (const [index, each] of chain.entries()) {
    const isEnd = roots.some(
      (root) => root.fingerprint256 === each.fingerprint256 || isIssued(each, root),
    );
    if (isEnd) return null;
    const next = chain[index + 1];
    if (next === undefined || !isIssued(each, next)) return each;
  }
  return null;
}

function isIssued(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Node gives each part of a name a line. */
function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

function unfit(reason: string): CheckedAuthority {
  return { kind: 'unfit', reason };
}
