import type { X509Certificate } from 'node:crypto';
import { type DenyList, isDenied } from '../../../domain/identity/deny-list.ts';
import { soleUriOf } from '../../../domain/identity/sole-uri.ts';
import { parseSpiffeId, type SpiffeId } from '../../../domain/identity/spiffe-id.ts';

/** What a certificate proves, once its chain has been verified (X509-SVID section 5). */
export interface Svid {
  readonly id: SpiffeId;
  readonly serial: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export type ReadSvid =
  | { readonly kind: 'svid'; readonly svid: Svid }
  /** In words that go behind 'the certificate'. */
  | { readonly kind: 'fault'; readonly fault: string };

/** Of a certificate whose chain has been verified by OpenSSL: whether it is a workload's, of this trust domain. */
export function readSvid(certificate: X509Certificate, trustDomain: string): ReadSvid {
  if (certificate.ca) return fault('is one of an authority, which is nobody who calls');
  const uri = soleUriOf(certificate.subjectAltName ?? '');
  if (uri === null) return fault('does not have exactly one SPIFFE identifier');
  const parsed = parseSpiffeId(uri);
  if (parsed.kind === 'malformed') return fault(`has an identifier that ${parsed.reason}`);
  const { id } = parsed;
  if (id.path === '') return fault('is one of a trust domain, which is nobody who calls');
  if (id.trustDomain !== trustDomain) return fault(`is of the trust domain ${id.trustDomain}`);
  const { serialNumber: serial, validFrom, validTo } = certificate;
  const dates = { notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) };
  return { kind: 'svid', svid: { id, serial, ...dates } };
}

/** Null: it is good now. In words that go behind 'the certificate'. */
export function svidFault(svid: Svid, denied: DenyList, nowMs: number): string | null {
  if (nowMs > svid.notAfterMs) return 'has ended';
  const { id, serial, notBeforeMs } = svid;
  return isDenied(denied, { id: id.text, serial, notBeforeMs }) ? 'was revoked' : null;
}

/** Why OpenSSL did not verify a certificate, in words that go behind 'the certificate'. */
export function chainFault(code: string): string {
  return chainFaults[code] ?? `is of no authority that is trusted here (${code})`;
}

const chainFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'has ended',
  CERT_NOT_YET_VALID: 'is not valid yet',
  INVALID_PURPOSE: 'is not made for this purpose',
};

function fault(text: string): ReadSvid {
  return { kind: 'fault', fault: text };
}
