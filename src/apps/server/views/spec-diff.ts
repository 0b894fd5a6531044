import type { Revision, ServiceSpec } from '../../../domain/release/revision.ts';

/**
 * What differs between two specs, one line a setting: `- path: value` was, `+ path: value` will be. Values of the
 * environment are shown as they stand in the file; derived names (ids and digests) are left out.
 */
export function diffSpecs(before: ServiceSpec | null, after: ServiceSpec): string[] {
  const was = before === null ? new Map<string, string>() : settings(before);
  return diffSettings(was, settings(after));
}

function diffSettings(
  was: ReadonlyMap<string, string>,
  will: ReadonlyMap<string, string>,
): string[] {
  const paths = [...new Set([...was.keys(), ...will.keys()])].sort();
  return paths.flatMap((path) => {
    const [old, now] = [was.get(path), will.get(path)];
    if (old === now) return [];
    return [
      ...(old === undefined ? [] : [`- ${path}: ${old}`]),
      ...(now === undefined ? [] : [`+ ${path}: ${now}`]),
    ];
  });
}

/** As `diffSpecs`, of two revisions alone. */
export function diffRevisions(before: Revision, after: Revision): string[] {
  return diffSettings(revisionSettings(before), revisionSettings(after));
}

function revisionSettings({
  id: _id,
  digest: _digest,
  ...revision
}: Revision): Map<string, string> {
  const found = new Map<string, string>();
  flatten(revision, 'revision', found);
  return found;
}

function settings(spec: ServiceSpec): Map<string, string> {
  const { id: _id, digest: _digest, ...revision } = spec.revision;
  const found = new Map<string, string>();
  flatten({ ...withoutPlaces(spec), revision }, spec.name, found);
  return found;
}

/** Where a rule stands in its file is no setting. */
function withoutPlaces(spec: ServiceSpec): ServiceSpec {
  const { trafficPolicy } = spec;
  if (trafficPolicy?.authorization === undefined) return spec;
  const { authorization } = trafficPolicy;
  const rules = authorization.rules.map(({ place: _place, ...rule }) => rule);
  return {
    ...spec,
    trafficPolicy: { ...trafficPolicy, authorization: { ...authorization, rules } },
  };
}

function flatten(value: unknown, path: string, found: Map<string, string>): void {
  if (typeof value !== 'object' || value === null) {
    found.set(path, JSON.stringify(value));
    return;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) found.set(path, Array.isArray(value) ? '[]' : '{}');
  for (const [key, each] of entries) {
    flatten(each, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`, found);
  }
}
