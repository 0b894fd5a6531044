import { rememberOrigin } from './document-origin.ts';
import type { Origin } from './document-origin.ts';
import { explainIssues } from './explain-issue.ts';
import { locateValue, offsetOf } from './located-value.ts';
import type { LocatedValue } from './located-value.ts';
import { nearestKey } from './nearest-key.ts';
import type { Problem } from './problem.ts';
import { quoted } from './reading.ts';
import { findConflicts } from './service-conflicts.ts';
import { toServiceDocument } from './service-document.ts';
import type { ServiceDocument } from './service-document.ts';
import { apiVersion, serviceSchema } from './service-schema.ts';
import { SourceText } from './source-text.ts';
import { readYaml } from './yaml-documents.ts';

export interface ReleaseFile {
  /** As people should see it in a problem. */
  readonly path: string;
  readonly text: string;
}

/** `problems` is never non-empty beside `services`: one problem anywhere refuses the whole set. */
export interface ParsedReleaseFiles {
  readonly services: readonly ServiceDocument[];
  readonly problems: readonly Problem[];
}

/** Problems shown of one file; the rest is counted in one more. */
export const problemCountMax = 20;

/**
 * Reads release files as one set. Never throws for anything a file may hold, and takes time bounded by the number of
 * files. What needs only the text is checked here: syntax, keys, types, units, ranges, and names and hosts given twice.
 * Services that are not in the set and cycles are for the caller, who knows more: `unknownDependencies`, `problemAt`.
 */
export function parseReleaseFiles(files: readonly ReleaseFile[]): ParsedReleaseFiles {
  const services: ServiceDocument[] = [];
  const problems: Problem[] = [];
  for (const { path, text } of files) {
    const parsed = parseFile(new SourceText(path, text));
    services.push(...parsed.services);
    problems.push(...limited(parsed.problems));
  }
  problems.push(...limited(findConflicts(services)));
  return problems.length > 0 ? { services: [], problems } : { services, problems };
}

function parseFile(source: SourceText): ParsedReleaseFiles {
  const reading = readYaml(source);
  if (reading.kind === 'refused') return { services: [], problems: reading.problems };
  const services: ServiceDocument[] = [];
  const problems: Problem[] = [];
  let documentCount = 0;
  for (const { contents } of reading.documents) {
    // `---` at the end or the beginning of a file leaves a document of nothing, as does one of only comments.
    if (
      contents === null ||
      (contents.range[0] === contents.range[1] && contents.tag === undefined)
    )
      continue;
    documentCount += 1;
    const { located, problems: misplaced } = locateValue(contents, source);
    const found =
      misplaced.length > 0 ? misplaced : parseDocument({ source, root: located }, services);
    problems.push(...found);
  }
  if (documentCount === 0) problems.push(nothingIn(source));
  return { services, problems };
}

function nothingIn(source: SourceText): Problem {
  const what =
    source.text.trim() === '' ? 'the file is empty' : 'the file holds no document, only comments';
  return source.problemAt(0, what, `a document begins with "apiVersion: ${apiVersion}"`);
}

/** Adds the service to `services`, or says why not. */
function parseDocument(origin: Origin, services: ServiceDocument[]): readonly Problem[] {
  const { source, root } = origin;
  const misplaced = checkEnvelope(root, source);
  if (misplaced !== null) return [misplaced];
  const result = schema.safeParse(root.value);
  if (!result.success) return explainIssues(result.error.issues, root, source);
  const service = toServiceDocument(result.data);
  rememberOrigin(service, origin);
  services.push(service);
  return [];
}

const schema = serviceSchema();

/** Kinds of the format that this version does not act on. */
const plannedKinds = ['Release', 'Stage', 'Region', 'Application', 'Drill', 'LoadTest'];

/** The two keys that say what a document is; the rest is checked by the schema of its kind. */
function checkEnvelope(root: LocatedValue, source: SourceText): Problem | null {
  const written = root.value;
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    const message = 'a document must be a mapping with apiVersion, kind, metadata and spec';
    const hint = Array.isArray(written) ? 'separate documents by a line of "---"' : null;
    return source.problemAt(root.startOffset, message, hint);
  }
  return checkVersion(root, source) ?? checkKind(root, source);
}

function checkVersion(root: LocatedValue, source: SourceText): Problem | null {
  const version = root.children.get('apiVersion')?.located;
  if (version?.value === apiVersion) return null;
  const hint = `write "apiVersion: ${apiVersion}"`;
  if (version === undefined)
    return source.problemAt(root.startOffset, 'the document has no "apiVersion"', hint);
  const message = `"apiVersion" must be ${apiVersion}, not ${shown(version)}`;
  return source.problemAt(version.startOffset, message);
}

function checkKind(root: LocatedValue, source: SourceText): Problem | null {
  const kind = root.children.get('kind')?.located;
  if (kind?.value === 'Service') return null;
  if (kind === undefined) {
    return source.problemAt(
      root.startOffset,
      'the document has no "kind"',
      'write "kind: Service"',
    );
  }
  const offset = offsetOf(root, ['kind']);
  const text = typeof kind.value === 'string' ? kind.value : '';
  if (text === 'Policy') {
    const hint = 'give it to tidegate backtest --policy';
    return source.problemAt(offset, 'kind Policy is for tidegate backtest alone', hint);
  }
  if (plannedKinds.includes(text)) {
    return source.problemAt(offset, `not supported yet: kind ${text}`, 'supported is Service');
  }
  const near = nearestKey(text, ['Service', ...plannedKinds]);
  const hint = near === null ? 'supported is Service' : `did you mean "${near}"?`;
  return source.problemAt(offset, `unknown kind ${shown(kind)}`, hint);
}

function shown({ value, plainText }: LocatedValue): string {
  if (typeof value === 'string') return quoted(value);
  if (value === null) return 'empty';
  return typeof value === 'object' ? 'a list or a mapping' : (plainText ?? JSON.stringify(value));
}

/** In the order of the places, at most `problemCountMax` and one more that counts the rest. */
function limited(problems: readonly Problem[]): readonly Problem[] {
  const ordered = problems.toSorted(
    (a, b) => compare(a.path, b.path) || a.line - b.line || a.column - b.column,
  );
  const first = ordered[problemCountMax];
  if (first === undefined) return ordered;
  const restCount = ordered.length - problemCountMax;
  const rest = { ...first, message: `${restCount} more problems from here on`, hint: null };
  return [...ordered.slice(0, problemCountMax), rest];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
