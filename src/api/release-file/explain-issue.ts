import type { z } from 'zod';
import type { FieldFault, KnownKeys } from './fields.ts';
import { keyOffsetOf, offsetOf, valueAt } from './located-value.ts';
import type { KeyPath, LocatedValue } from './located-value.ts';
import { nearestKey } from './nearest-key.ts';
import type { Problem } from './problem.ts';
import { quoted } from './reading.ts';
import type { SourceText } from './source-text.ts';

type Issue = z.core.$ZodIssue;

/** The problems the issues of a validated document stand for, in our words and at their places in the file. */
export function explainIssues(
  issues: readonly Issue[],
  root: LocatedValue,
  source: SourceText,
): readonly Problem[] {
  const document: Document = { root, source };
  const placed = issues.flatMap((issue) => withoutUnions({ issue, path: issue.path }, document));
  const suggested = new Set(placed.flatMap(suggestionsOf));
  return placed
    .filter(({ path }) => valueAt(root, path) !== null || !suggested.has(JSON.stringify(path)))
    .flatMap(({ issue, path }) => explain(issue, path, document));
}

interface Document {
  readonly root: LocatedValue;
  readonly source: SourceText;
}

interface PlacedIssue {
  readonly issue: Issue;
  readonly path: KeyPath;
}

/** Alternatives are replaced by the issues of the one that was meant. */
function withoutUnions({ issue, path }: PlacedIssue, document: Document): readonly PlacedIssue[] {
  if (issue.code !== 'invalid_union') return [{ issue, path }];
  const inner = chosenBranch(issue.errors, path, document);
  return inner.flatMap((issue) =>
    withoutUnions({ issue, path: [...path, ...issue.path] }, document),
  );
}

/** Paths of known keys that mistyped ones were meant to be: to say of them that they are missing would be an echo. */
function suggestionsOf({ issue, path }: PlacedIssue): readonly string[] {
  if (issue.code !== 'unrecognized_keys') return [];
  const { known } = JSON.parse(issue.message) as KnownKeys;
  return issue.keys.map((key) => JSON.stringify([...path, nearestKey(key, known)]));
}

function explain(issue: Issue, path: KeyPath, document: Document): readonly Problem[] {
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, issue, path, document));
    case 'invalid_key':
      return issue.issues.map((inner) => {
        const message = `${subjectOf(path)} ${inner.message}`;
        return document.source.problemAt(
          keyOffsetOf(document.root, path),
          message,
          faultOf(inner).hint,
        );
      });
    case 'invalid_type':
      return [wrongType(wantedOf(issue.expected), path, document, null)];
    case 'too_big':
      return [at(path, `has more than ${issue.maximum} items`, document)];
    case 'too_small':
      return [at(path, 'must have at least one item', document)];
    case 'custom': {
      const { wanted, hint } = faultOf(issue);
      if (wanted !== null) return [wrongType(wanted, path, document, hint)];
      return [at(path, issue.message, document, hint)];
    }
    // The schemas raise no others; should one be added, its own words are better than none.
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'invalid_union':
    case 'invalid_value':
      break;
  }
  return [at(path, `is not valid: ${issue.message}`, document)];
}

/** The alternative for a mapping stands last in our unions; to who wrote one, a fault of the others says nothing. */
function chosenBranch(branches: readonly Issue[][], path: KeyPath, { root }: Document): Issue[] {
  const written = valueAt(root, path)?.value;
  const chosen = isMapping(written) ? branches.at(-1) : branches[0];
  return chosen ?? [];
}

function unknownKey(key: string, issue: Issue, path: KeyPath, { root, source }: Document): Problem {
  const { known, notYet } = JSON.parse(issue.message) as KnownKeys;
  const offset = keyOffsetOf(root, [...path, key]);
  if (notYet.includes(key)) {
    const keys = [...path, key].filter((part) => typeof part === 'string');
    return source.problemAt(offset, `not supported yet: ${keys.join('.')}`, 'remove it');
  }
  if (key === '<<') return source.problemAt(offset, 'merge keys (<<) are not supported');
  const near = nearestKey(key, known);
  const hint = near === null ? `known are ${known.join(', ')}` : `did you mean ${quoted(near)}?`;
  return source.problemAt(offset, `unknown key ${quoted(key)}`, hint);
}

function wrongType(
  wanted: string,
  path: KeyPath,
  document: Document,
  hint: string | null,
): Problem {
  const { root, source } = document;
  const located = valueAt(root, path);
  if (located === null) {
    const parent = path.length === 1 ? 'the document' : subjectOf(path.slice(0, -1));
    return source.problemAt(
      offsetOf(root, path),
      `${parent} has no ${quoted(String(path.at(-1)))}`,
      hint,
    );
  }
  const message = `must be ${wanted}, ${sortOf(located)}`;
  return at(path, message, document, hint ?? suggestWriting(wanted, located));
}

function at(
  path: KeyPath,
  reason: string,
  { root, source }: Document,
  hint: string | null = null,
): Problem {
  return source.problemAt(offsetOf(root, path), `${subjectOf(path)} ${reason}`, hint);
}

/** What a message is about: `"timeout"`, `item 2 of "steps"`. */
function subjectOf(path: KeyPath): string {
  const last = path.at(-1);
  if (last === undefined) return 'the document';
  if (typeof last !== 'number') return quoted(String(last));
  return `item ${last + 1} of ${subjectOf(path.slice(0, -1))}`;
}

function sortOf({ value, plainText }: LocatedValue): string {
  if (value === null) return 'but is empty';
  if (Array.isArray(value)) return 'not a list';
  if (typeof value === 'object') return 'not a mapping';
  if (typeof value === 'string') return `not the text ${quoted(value)}`;
  return `not ${plainText ?? JSON.stringify(value)}`;
}

function suggestWriting(wanted: string, { value, plainText }: LocatedValue): string | null {
  const isScalar = value !== null && typeof value !== 'object';
  if (wanted === 'a text' && isScalar)
    return `write it in quotes: "${plainText ?? JSON.stringify(value)}"`;
  if (wanted !== 'a list' || typeof value !== 'string') return null;
  const words = value.trim().split(/\s+/);
  const isPlain = words.length <= 10 && words.every((word) => /^[-\w./=%]{1,30}$/.test(word));
  return isPlain ? `write [${words.join(', ')}]` : null;
}

function wantedOf(expected: string): string {
  return expected === 'array' ? 'a list' : 'a mapping';
}

function isMapping(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function faultOf(issue: Issue): FieldFault {
  const params: Record<string, unknown> = issue.code === 'custom' ? (issue.params ?? {}) : {};
  const { wanted, hint } = params;
  return {
    wanted: typeof wanted === 'string' ? wanted : null,
    hint: typeof hint === 'string' ? hint : null,
  };
}
