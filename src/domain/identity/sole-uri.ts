/**
 * The URI of a certificate's subjectAltName as Node prints it, like `URI:spiffe://d/x, DNS:a.test`. Null: there is none, or more than
 * one. Node quotes every name in which there could be something else, so a quote is one name too many.
 */
export function soleUriOf(subjectAltName: string): string | null {
  if (subjectAltName.includes('"')) return null;
  const uris = subjectAltName.split(', ').filter((part) => part.startsWith('URI:'));
  const [only] = uris;
  return uris.length === 1 && only !== undefined ? only.slice('URI:'.length) : null;
}
