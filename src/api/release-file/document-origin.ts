import { offsetOf } from './located-value.ts';
import type { KeyPath, LocatedValue } from './located-value.ts';
import type { Problem } from './problem.ts';
import type { ServiceDocument } from './service-document.ts';
import type { SourceText } from './source-text.ts';

/** Where a document was read from. */
export interface Origin {
  readonly source: SourceText;
  readonly root: LocatedValue;
}

/** Kept beside the documents, so that a document stays plain data that can be sent and compared. */
const origins = new WeakMap<ServiceDocument, Origin>();

/**
 * A problem the caller has found in a parsed service (a cycle, a folder that is not there), at its place in the file.
 * `keyPath` is as written: `['spec', 'dependsOn', 0]`. What is not written is placed at the nearest key above it.
 * Only for services as `parseReleaseFiles` gave them, not for copies.
 */
export function problemAt(
  service: ServiceDocument,
  keyPath: KeyPath,
  message: string,
  hint: string | null = null,
): Problem {
  const { source, root } = originOf(service);
  return source.problemAt(offsetOf(root, keyPath), message, hint);
}

/** `shop.yaml:3:9`: the place of a key path as in `problemAt`. */
export function placeOf(service: ServiceDocument, keyPath: KeyPath): string {
  const { source, root } = originOf(service);
  const { line, column } = source.placeAt(offsetOf(root, keyPath));
  return `${source.path}:${line}:${column}`;
}

/** The file the service stands in; its `workingDirectory` is relative to this file's folder. */
export function pathOf(service: ServiceDocument): string {
  return originOf(service).source.path;
}

export function rememberOrigin(service: ServiceDocument, origin: Origin): void {
  origins.set(service, origin);
}

function originOf(service: ServiceDocument): Origin {
  const origin = origins.get(service);
  if (origin === undefined) {
    throw new Error(`cannot place service "${service.name}": it is not from parseReleaseFiles`);
  }
  return origin;
}
