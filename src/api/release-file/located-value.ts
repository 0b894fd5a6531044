import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Node, Pair } from 'yaml';
import type { Problem } from './problem.ts';
import type { SourceText } from './source-text.ts';

export type KeyPath = readonly PropertyKey[];

/** A plain value as JSON has it, and where each part of it stands in its file. */
export interface LocatedValue {
  readonly value: unknown;
  readonly startOffset: number;
  /** The characters of a plain scalar (`1.0`, whose value is 1); null: quoted, or no scalar. */
  readonly plainText: string | null;
  readonly children: ReadonlyMap<PropertyKey, LocatedChild>;
  /** Values in it, itself and those that aliases stand for included. */
  readonly size: number;
}

export interface LocatedChild {
  /** Where the key begins; the item itself in a list. */
  readonly keyOffset: number;
  readonly located: LocatedValue;
}

/** Values of one document with its aliases expanded; checking takes time for each. */
const valueCountMax = 10_000;

/**
 * Turns a composed document into plain values. Refuses what a release file must not hold: duplicate keys, keys that are
 * no text, tags, unknown and recursive aliases, and aliases that expand to too many values. An alias shares the value
 * of its anchor and only the count is multiplied, so an alias bomb costs nothing before it is found.
 */
export function locateValue(
  root: Node,
  source: SourceText,
): { readonly located: LocatedValue; readonly problems: readonly Problem[] } {
  const walk = new Walk(source);
  return { located: walk.locate(root), problems: walk.problems };
}

/** Where the value at `path` stands; for what is missing, the key of the deepest part that is there. */
export function offsetOf(root: LocatedValue, path: KeyPath): number {
  let offset = root.startOffset;
  let located = root;
  for (const [index, key] of path.entries()) {
    const child = located.children.get(key);
    if (child === undefined) return offset;
    located = child.located;
    offset = index === path.length - 1 ? located.startOffset : child.keyOffset;
  }
  return offset;
}

/** Where the key at `path` stands; what is missing as in `offsetOf`. */
export function keyOffsetOf(root: LocatedValue, path: KeyPath): number {
  const key = path.at(-1);
  const parent = valueAt(root, path.slice(0, -1));
  const child = key === undefined ? undefined : parent?.children.get(key);
  return child?.keyOffset ?? offsetOf(root, path);
}

/** The value at `path`; null: there is none. */
export function valueAt(root: LocatedValue, path: KeyPath): LocatedValue | null {
  let located = root;
  for (const key of path) {
    const child = located.children.get(key);
    if (child === undefined) return null;
    located = child.located;
  }
  return located;
}

class Walk {
  readonly problems: Problem[] = [];
  readonly #source: SourceText;
  /** null while the anchored value itself is being read: an alias to it would be endless. */
  readonly #anchors = new Map<string, LocatedValue | null>();

  constructor(source: SourceText) {
    this.#source = source;
  }

  /** Depth is bounded by the reader of the tokens, so recursion is safe. */
  locate(node: Node): LocatedValue {
    if (isAlias(node)) return this.#locateAlias(node.source, startOf(node));
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    if (node.tag !== undefined && !isCoreTag(node.tag)) {
      this.#report(startOf(node), 'YAML tags (!name) are not allowed here');
    }
    const located = this.#locatePlain(node);
    if (anchor !== undefined) this.#anchors.set(anchor, located);
    return located;
  }

  #locatePlain(node: Node): LocatedValue {
    const startOffset = startOf(node);
    if (isMap(node)) return this.#locateMap(node.items, startOffset);
    if (isSeq(node)) return this.#locateList(node.items as readonly Node[], startOffset);
    const value = isScalar(node) ? node.value : null;
    const plainText = isScalar(node) && node.type === 'PLAIN' ? (node.source ?? null) : null;
    return { value, startOffset, plainText, children: new Map(), size: 1 };
  }

  #locateAlias(name: string, offset: number): LocatedValue {
    const target = this.#anchors.get(name);
    if (target !== undefined && target !== null) return target;
    const anchor = JSON.stringify(name);
    if (target === null) this.#report(offset, `alias ${anchor} stands within its own anchor`);
    else this.#report(offset, `alias ${anchor} has no anchor before it`);
    return emptyAt(offset);
  }

  #locateList(items: readonly Node[], startOffset: number): LocatedValue {
    const children = new Map<PropertyKey, LocatedChild>();
    let size = 1;
    for (const [index, item] of items.entries()) {
      const located = this.locate(item);
      children.set(index, { keyOffset: located.startOffset, located });
      size = this.#grow(size, located, startOf(item));
    }
    const value = Array.from(children.values(), (child) => child.located.value);
    return { value, startOffset, plainText: null, children, size };
  }

  #locateMap(pairs: readonly Pair[], startOffset: number): LocatedValue {
    const children = new Map<PropertyKey, LocatedChild>();
    let size = 1;
    for (const pair of pairs) {
      const keyNode = pair.key as Node;
      const keyOffset = startOf(keyNode);
      const key = this.#keyOf(keyNode);
      const located = pair.value === null ? emptyAt(keyOffset) : this.locate(pair.value as Node);
      size = this.#grow(
        size,
        located,
        pair.value === null ? keyOffset : startOf(pair.value as Node),
      );
      if (key === null) continue;
      const first = children.get(key);
      if (first === undefined) children.set(key, { keyOffset, located });
      else this.#reportDuplicate(key, keyOffset, first.keyOffset);
    }
    // fromEntries defines own properties, so a key such as __proto__ is an ordinary one.
    const value = Object.fromEntries(
      Array.from(children, ([key, child]) => [key, child.located.value]),
    );
    return { value, startOffset, plainText: null, children, size };
  }

  #keyOf(node: Node): string | null {
    if (isScalar(node)) {
      const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
      if (text === '__proto__') this.#report(startOf(node), 'the key "__proto__" is not allowed');
      else if (text !== '') return text;
      else this.#report(startOf(node), 'a key is missing before ":"');
      return null;
    }
    this.#report(startOf(node), 'a key must be a plain text');
    return null;
  }

  #reportDuplicate(key: string, keyOffset: number, firstOffset: number): void {
    const { line } = this.#source.placeAt(firstOffset);
    this.#report(keyOffset, `key ${JSON.stringify(key)} stands twice; first on line ${line}`);
  }

  #grow(size: number, child: LocatedValue, offset: number): number {
    const grown = size + child.size;
    if (grown > valueCountMax && size <= valueCountMax && child.size <= valueCountMax) {
      const message = `the document holds more than ${valueCountMax} values with its aliases expanded`;
      this.#report(offset, message);
    }
    return grown;
  }

  #report(offset: number, message: string): void {
    this.problems.push(this.#source.problemAt(offset, message));
  }
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function emptyAt(startOffset: number): LocatedValue {
  return { value: null, startOffset, plainText: null, children: new Map(), size: 1 };
}

function isCoreTag(tag: string): boolean {
  return /^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/.test(tag);
}
