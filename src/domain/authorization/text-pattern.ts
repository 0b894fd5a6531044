/** A text with a `*` at its end, or at its beginning, or alone, which stands for anything; as Istio matches principals and namespaces. */
export type TextPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'exact' | 'prefix' | 'suffix'; readonly text: string };

export function textPattern(written: string): TextPattern {
  if (written === '*') return { kind: 'any' };
  if (written.endsWith('*')) return { kind: 'prefix', text: written.slice(0, -1) };
  if (written.startsWith('*')) return { kind: 'suffix', text: written.slice(1) };
  return { kind: 'exact', text: written };
}

export function isTextMatch(pattern: TextPattern, text: string): boolean {
  switch (pattern.kind) {
    case 'any':
      return true;
    case 'exact':
      return text === pattern.text;
    case 'prefix':
      return text.startsWith(pattern.text);
    case 'suffix':
      return text.endsWith(pattern.text);
  }
}

/** Every text of `inner` is one of `outer`. */
export function isTextPatternWithin(inner: TextPattern, outer: TextPattern): boolean {
  if (outer.kind === 'any') return true;
  if (inner.kind === 'any') return false;
  if (inner.kind === 'exact') return isTextMatch(outer, inner.text);
  return inner.kind === outer.kind && isTextMatch(outer, inner.text);
}
