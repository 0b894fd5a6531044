/** Addresses of one network: those whose first bits are these. */
export interface AddressBlock {
  readonly bits: bigint;
  /** 0-32 of IPv4, 0-128 of IPv6. */
  readonly prefixLength: number;
  readonly width: 32 | 128;
}

/** `10.0.0.0/8`, `2001:db8::/32` or one address; null: it is none, or has bits behind its prefix. */
export function addressBlock(written: string): AddressBlock | null {
  const [text = '', length, ...more] = written.split('/');
  const address = addressOf(text);
  if (address === null || more.length > 0) return null;
  const { bits, width } = address;
  if (length === undefined) return { bits, width, prefixLength: width };
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length) || Number(length) > width) return null;
  const prefixLength = Number(length);
  const host = (1n << BigInt(width - prefixLength)) - 1n;
  return (bits & host) === 0n ? { bits, width, prefixLength } : null;
}

export function isInBlock(address: Address, { bits, width, prefixLength }: AddressBlock): boolean {
  const shift = BigInt(width - prefixLength);
  return address.width === width && address.bits >> shift === bits >> shift;
}

export function isBlockWithin(inner: AddressBlock, outer: AddressBlock): boolean {
  return inner.prefixLength >= outer.prefixLength && isInBlock(inner, outer);
}

export interface Address {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/** RFC 4291 section 2.2; those of IPv4 within IPv6 (section 2.5.5.2) are of IPv4. A zone (RFC 4007) is left out. Null: it is none. */
export function addressOf(written: string): Address | null {
  const text = written.split('%', 1)[0] ?? '';
  if (!text.includes(':')) return ofFour(text);
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const four = dotted === null ? null : ofFour(dotted[2] ?? '');
  if (dotted !== null && four === null) return null;
  const low =
    four === null ? '' : `${(four.bits >> 16n).toString(16)}:${(four.bits & 0xffffn).toString(16)}`;
  const groups = groupsOf(dotted === null ? text : `${dotted[1] ?? ''}${low}`);
  if (groups === null) return null;
  const bits = groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
  return bits >> 32n === 0xffffn ? { bits: bits & 0xffffffffn, width: 32 } : { bits, width: 128 };
}

/** Eight of them. */
function groupsOf(text: string): readonly string[] | null {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return null;
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const all = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  return all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) ? all : null;
}

function ofFour(text: string): Address | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let bits = 0n;
  for (const part of parts) {
    // Without leading zeros, which some read as octal.
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    bits = (bits << 8n) | BigInt(part);
  }
  return { bits, width: 32 };
}
