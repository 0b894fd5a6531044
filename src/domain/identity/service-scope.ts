/** Which services a token is good for: `NAMESPACE/SERVICE`, where `*` stands for any characters of that part. */
export type ServiceScope = string & { readonly isServiceScope: true };

/** Every service there is or will be, and what is about the whole installation. */
export const wholeScope = '*/*' as ServiceScope;

export const scopesMax = 32;

/** Null: not of that shape. Each part has 1 to 63 of a-z, 0-9, `-` and at most four `*`. */
export function readServiceScope(text: string): ServiceScope | null {
  const parts = text.split('/');
  const isWell = parts.length === 2 && parts.every((part) => isPart(part));
  return isWell ? (text as ServiceScope) : null;
}

export function isInScope(
  scope: ServiceScope,
  service: { readonly namespace: string; readonly name: string },
): boolean {
  const [namespace = '', name = ''] = scope.split('/');
  return isLike(service.namespace, namespace) && isLike(service.name, name);
}

const starsMax = 4;

function isPart(part: string): boolean {
  return /^[a-z0-9*-]{1,63}$/.test(part) && part.split('*').length <= starsMax + 1;
}

/** Leftmost places suffice for the pieces between the first and the last, so this takes one pass. */
function isLike(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
