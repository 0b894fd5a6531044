/**
 * What each octet may be, as tables of 256: one load decides. Indexes are octets, so a load never misses; that is why
 * `as number` stands beside them here and in the parsers, always after a check that the offset lies before the end.
 */

/** The lower-case octet of a token character (RFC 9110 section 5.6.2), 0 for all others. */
export const tokenOctet = table((octet) => {
  const text = String.fromCharCode(octet);
  return /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(text) ? text.toLowerCase().charCodeAt(0) : 0;
});

/** 1: may stand in a field value: HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5). */
export const valueOctet = table((octet) => Number(octet === 9 || (octet >= 32 && octet !== 127)));

/** 1: may stand in a target. Visible ASCII without '#': what others take too, more than RFC 3986 has. */
export const targetOctet = table((octet) => Number(octet > 32 && octet < 127 && octet !== 0x23));

/** 1: may stand in the name of a host: a part of reg-name (RFC 3986 section 3.2.2), as names of services are. */
export const hostOctet = table((octet) =>
  Number(/[A-Za-z0-9._-]/.test(String.fromCharCode(octet))),
);

/** 1: may stand between the brackets of an IPv6 address. */
export const addressOctet = table((octet) =>
  Number(/[0-9A-Fa-f:.]/.test(String.fromCharCode(octet))),
);

/** The digit's value plus one, 0 for what is no hexadecimal digit. */
export const hexOctet = table((octet) => {
  const text = String.fromCharCode(octet);
  return /[0-9A-Fa-f]/.test(text) ? Number.parseInt(text, 16) + 1 : 0;
});

export const tab = 0x09;
export const lf = 0x0a;
export const cr = 0x0d;
export const space = 0x20;
export const quote = 0x22;
export const comma = 0x2c;
export const slash = 0x2f;
export const colon = 0x3a;
export const semicolon = 0x3b;
export const equals = 0x3d;
export const question = 0x3f;
export const backslash = 0x5c;

/** 0 for an offset outside, which no table holds true. */
export function octetAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Whether the octets of `bytes` in [start, end) are `lower` but for the case of letters. */
export function equalsIgnoringCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  lower: Uint8Array,
): boolean {
  if (end - start !== lower.length) return false;
  for (let index = 0; index < lower.length; index += 1) {
    const octet = octetAt(bytes, start + index);
    if ((tokenOctet[octet] || octet) !== lower[index]) return false;
  }
  return true;
}

function table(entry: (octet: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, octet) => entry(octet));
}
