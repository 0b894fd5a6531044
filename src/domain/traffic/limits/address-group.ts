/**
 * What one party has of the addresses: one of IPv4, 64 bits of IPv6 (RFC 6177 has sites given no less), as whoever has a network
 * of IPv6 has 2^64 addresses to come from.
 */
export function addressGroup(address: string): string {
  if (address.startsWith('::ffff:')) return address.slice(7);
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('%', 1)[0]?.split('::') ?? [];
  const before = head === '' ? [] : head.split(':');
  const after = tail === '' ? [] : tail.split(':');
  const zeros = address.includes('::') ? 8 - before.length - after.length : 0;
  const parts = [...before, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...after];
  return `${parts.slice(0, 4).join(':')}::/64`;
}
