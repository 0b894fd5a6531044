/** How far a ledger's events were posted to one sink. */
export interface Cursor {
  /** Which sink; hex. */
  readonly sinkId: string;
  /** Which ledger: its name by entry 0. */
  readonly origin: string;
  readonly nextIndex: number;
  /** Of the entry before `nextIndex`, so that another history is noticed; null when there is none. */
  readonly lastLeafHash: string | null;
}

export function packCursor(cursor: Cursor): Uint8Array {
  return Buffer.from(JSON.stringify(cursor));
}

/** Null: it is none. */
export function unpackCursor(bytes: Uint8Array): Cursor | null {
  const value = parsed(Buffer.from(bytes).toString('utf8'));
  if (typeof value !== 'object' || value === null) return null;
  const { sinkId, origin, nextIndex, lastLeafHash } = value as Partial<Cursor>;
  if (typeof sinkId !== 'string' || typeof origin !== 'string') return null;
  if (nextIndex === undefined || !Number.isSafeInteger(nextIndex) || nextIndex < 0) return null;
  if (typeof lastLeafHash !== 'string' && lastLeafHash !== null) return null;
  return { sinkId, origin, nextIndex, lastLeafHash };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It is none, which costs events that are posted again and nothing else.
    return null;
  }
}
