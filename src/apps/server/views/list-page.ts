import { HttpProblem } from '../http/http-problem.ts';

/** Where an item stands in a list: compared part by part, numbers and texts each with their like. Unique in the list. */
export type ListKey = readonly (string | number)[];

export interface Page<Item> {
  readonly items: readonly Item[];
  readonly continue: string | null;
}

/**
 * Those after the cursor, by their keys. A cursor is the key of the last item that was given, so a page costs no memory between two
 * requests, and what comes or goes meanwhile neither repeats nor hides others; an item whose key changes may be met again or not.
 * `isWanted` is asked in the order of the list, and no more often than the page needs.
 */
export function pageOf<Item>(
  items: readonly { readonly key: ListKey; readonly item: Item }[],
  isWanted: (item: Item) => boolean,
  query: { readonly limit: number; readonly cursor: string | null; readonly order: string },
): Page<Item> {
  const after = query.cursor === null ? null : keyOf(query.cursor, query.order);
  const found: { readonly key: ListKey; readonly item: Item }[] = [];
  for (const each of items.toSorted((a, b) => compareKeys(a.key, b.key))) {
    if (after !== null && compareKeys(each.key, after) <= 0) continue;
    if (!isWanted(each.item)) continue;
    found.push(each);
    if (found.length > query.limit) break;
  }
  const shown = found.slice(0, query.limit);
  const last = shown.at(-1);
  const hasMore = found.length > query.limit && last !== undefined;
  return {
    items: shown.map(({ item }) => item),
    continue: hasMore ? cursorOf(last.key, query.order) : null,
  };
}

function compareKeys(a: ListKey, b: ListKey): number {
  for (const [index, one] of a.entries()) {
    const other = b[index];
    if (other === undefined || one === other) continue;
    return one < other ? -1 : 1;
  }
  return 0;
}

function cursorOf(key: ListKey, order: string): string {
  return Buffer.from(JSON.stringify([order, ...key])).toString('base64url');
}

/** Throws a 400 for what is no cursor, or one of a list in another order. */
function keyOf(cursor: string, order: string): ListKey {
  const read = readJson(Buffer.from(cursor, 'base64url').toString('utf8'));
  const isKey =
    Array.isArray(read) &&
    read.length <= 8 &&
    read.every((part) => typeof part === 'string' || typeof part === 'number');
  const [given, ...key] = isKey ? (read as ListKey) : [];
  if (given === order && key.length > 0) return key;
  const remedy = 'take metadata.continue of the page before, with the same sort';
  throw new HttpProblem(400, `continue is no place in this list; ${remedy}`);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Whatever it is, it is no cursor of ours; the caller says so.
    return null;
  }
}
