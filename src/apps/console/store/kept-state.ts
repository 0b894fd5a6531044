/** What was last known, on this machine, so that a console without its server has something to show. */

/** An answer as it came, and when. */
export interface Kept {
  readonly value: unknown;
  readonly gotAtMs: number;
}

/** As much of Web Storage as is used. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const key = 'tidegate.kept';
/** Browsers give five million characters a site. */
const charactersMax = 2_000_000;
const oneMax = 400_000;
const pathsMax = 60;

export function readKept(shelf: Shelf): ReadonlyMap<string, Kept> {
  try {
    const text = shelf.getItem(key);
    if (text === null) return new Map();
    const rows: unknown = JSON.parse(text);
    return new Map(Array.isArray(rows) ? rows.filter(isRow) : []);
  } catch {
    // Written by another version, or the browser refuses its storage: nothing is known yet.
    return new Map();
  }
}

/** The newest that fit. A browser that is full or refuses keeps nothing, which only shows when the server is gone. */
export function writeKept(shelf: Shelf, all: ReadonlyMap<string, Kept>): void {
  const rows: string[] = [];
  let characters = 2;
  for (const [path, kept] of [...all].toSorted(([, a], [, b]) => b.gotAtMs - a.gotAtMs)) {
    const row = JSON.stringify([path, kept]);
    if (row.length > oneMax || characters + row.length > charactersMax) continue;
    rows.push(row);
    characters += row.length + 1;
    if (rows.length === pathsMax) break;
  }
  try {
    shelf.setItem(key, `[${rows.join(',')}]`);
  } catch {
    // Over the browser's quota: an older state would be shown as newer than it is.
    forgetKept(shelf);
  }
}

/** When somebody signs out: the next person at this machine may not see it. */
export function forgetKept(shelf: Shelf): void {
  try {
    shelf.removeItem(key);
  } catch {
    // A browser that refuses its storage kept nothing.
  }
}

function isRow(row: unknown): row is [string, Kept] {
  if (!Array.isArray(row) || typeof row[0] !== 'string') return false;
  const kept: unknown = row[1];
  return typeof kept === 'object' && kept !== null && 'value' in kept && 'gotAtMs' in kept;
}
