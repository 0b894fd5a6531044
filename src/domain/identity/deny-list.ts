/**
 * Certificates that are trusted no more before their end. Lives are short, so the list is: what was taken back leaves it when the
 * certificate would have ended anyway.
 */
export interface DenyList {
  /** Lower-case hex without leading zeros. */
  readonly serials: readonly string[];
  readonly identities: readonly DeniedIdentity[];
}

/** All certificates of an identity up to a time; those made later are good. */
export interface DeniedIdentity {
  /** A SPIFFE identifier's text. */
  readonly id: string;
  /** Of `notBefore`, included. */
  readonly notBeforeUntilMs: number;
}

/** What of a certificate the list asks. */
export interface DeniableCertificate {
  readonly serial: string;
  readonly id: string;
  readonly notBeforeMs: number;
}

export const denyListMax = 10_000;
export const noDenials: DenyList = { serials: [], identities: [] };

export function isDenied(
  list: DenyList,
  { serial, id, notBeforeMs }: DeniableCertificate,
): boolean {
  if (list.serials.length > 0 && list.serials.includes(normalSerial(serial))) return true;
  return list.identities.some((each) => each.id === id && notBeforeMs <= each.notBeforeUntilMs);
}

/** As Node, OpenSSL and people write them: upper case, with colons, with leading zeros. '' for what is no serial. */
export function normalSerial(written: string): string {
  const plain = written.toLowerCase().replaceAll(':', '').replace(/^0x/, '');
  // RFC 5280 section 4.1.2.2: 20 octets at most.
  return /^[0-9a-f]{1,40}$/.test(plain) ? plain.replace(/^0+(?=.)/, '') : '';
}
