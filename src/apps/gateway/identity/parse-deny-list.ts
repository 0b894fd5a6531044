import { type DenyList, denyListMax, normalSerial } from '../../../domain/identity/deny-list.ts';

/** Throws for what is no such list: one that cannot be read must not become an empty one. */
export function parseDenyList(text: string): DenyList {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new RangeError('the deny list is none');
  const { serials, identities } = value as Readonly<Record<string, unknown>>;
  if (!Array.isArray(serials) || !Array.isArray(identities)) {
    throw new RangeError('the deny list is none');
  }
  if (serials.length + identities.length > denyListMax) {
    throw new RangeError(`the deny list has more than ${denyListMax} entries`);
  }
  return { serials: serials.map(serialOf), identities: identities.map(identityOf) };
}

function serialOf(item: unknown): string {
  const serial = typeof item === 'string' ? normalSerial(item) : '';
  if (serial !== '') return serial;
  throw new RangeError('the deny list has a serial that is none');
}

function identityOf(item: unknown): DenyList['identities'][number] {
  if (typeof item === 'object' && item !== null && 'id' in item && 'notBeforeUntilMs' in item) {
    const { id, notBeforeUntilMs } = item;
    if (typeof id === 'string' && typeof notBeforeUntilMs === 'number')
      return { id, notBeforeUntilMs };
  }
  throw new RangeError('the deny list has an identity that is none');
}
