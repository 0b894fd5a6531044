/** What came of reading one written value. */
export type Reading<Value> =
  | { readonly kind: 'read'; readonly value: Value }
  /** It is of another sort than `wanted` ("a list"); the message says what it is. */
  | { readonly kind: 'wrong-type'; readonly wanted: string; readonly hint: string | null }
  /** The right sort, and not allowed; `reason` goes on after the key's name ("must be ..."). */
  | { readonly kind: 'refused'; readonly reason: string; readonly hint: string | null };

export function read<Value>(value: Value): Reading<Value> {
  return { kind: 'read', value };
}

export function wrongType(wanted: string, hint: string | null = null): Reading<never> {
  return { kind: 'wrong-type', wanted, hint };
}

export function refused(reason: string, hint: string | null = null): Reading<never> {
  return { kind: 'refused', reason, hint };
}

/** A text in quotes, cut short where it is long. */
export function quoted(text: string): string {
  const shown = text.length > shownLengthMax ? `${text.slice(0, shownLengthMax)}…` : text;
  return JSON.stringify(shown);
}

const shownLengthMax = 60;
