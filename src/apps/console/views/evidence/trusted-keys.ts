/** The log's keys that this browser believes: those it saw first from this server, or that a person has given it. */
export interface TrustedKeys {
  readonly policy: readonly string[];
  readonly how: 'given' | 'seen-first';
  readonly at: string;
}

const key = 'tidegate.trusted-keys';

export function readTrusted(shelf: Pick<Storage, 'getItem'>): TrustedKeys | null {
  try {
    const value = JSON.parse(shelf.getItem(key) ?? 'null') as Partial<TrustedKeys> | null;
    const isKnown = value !== null && Array.isArray(value.policy) && typeof value.at === 'string';
    return isKnown ? ({ how: 'seen-first', ...value } as TrustedKeys) : null;
  } catch {
    // Not ours, or the browser refuses its storage: nobody is trusted yet.
    return null;
  }
}

/** False: the browser keeps nothing. */
export function keepTrusted(shelf: Pick<Storage, 'setItem'>, trusted: TrustedKeys): boolean {
  try {
    shelf.setItem(key, JSON.stringify(trusted));
    return true;
  } catch {
    return false;
  }
}

export function forgetTrusted(shelf: Pick<Storage, 'removeItem'>): void {
  try {
    shelf.removeItem(key);
  } catch {
    // What refuses to forget has kept nothing.
  }
}

/** The lines of a policy that name keys of logs. */
export function logLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('log '));
}
