import { z } from 'zod';

import { explainIssues } from './explain-issue.ts';
import { mapping } from './fields.ts';
import { locateValue } from './located-value.ts';
import { name } from './names.ts';
import { parseReleaseFiles, type ReleaseFile } from './parse-release-files.ts';
import type { Problem } from './problem.ts';
import { rolloutSchema } from './rollout-schema.ts';
import {
  type GateDocument,
  type ObjectiveDocument,
  toGate,
  toObjectives,
} from './service-document.ts';
import { apiVersion, objectivesSchema } from './service-schema.ts';
import { SourceText } from './source-text.ts';
import { readYaml } from './yaml-documents.ts';

/** What a back-test varies. */
export interface PolicyDocument {
  readonly name: string;
  /** The service it is for; null: every one. */
  readonly service: string | null;
  /** Null: those that each recorded rollout had. */
  readonly objectives: readonly ObjectiveDocument[] | null;
  readonly gate: GateDocument;
}

/** `problems` is never non-empty beside `policies`. */
export interface ParsedPolicyFile {
  readonly policies: readonly PolicyDocument[];
  readonly problems: readonly Problem[];
}

/**
 * Reads a policy for a back-test: a release file, of which each service's `objectives` and `rollout` are the policy for that
 * service, or one document of kind Policy, which is for every service. What a key may hold, and its default, are the release
 * file's. Never throws for anything the file may hold.
 */
export function parsePolicyFile(file: ReleaseFile): ParsedPolicyFile {
  const source = new SourceText(file.path, file.text);
  const reading = readYaml(source);
  if (reading.kind === 'refused') return { policies: [], problems: reading.problems };
  const located = reading.documents.flatMap(({ contents }) =>
    contents === null ? [] : [locateValue(contents, source)],
  );
  const isPolicy = located.some(({ located: { value } }) => kindOf(value) === 'Policy');
  if (!isPolicy) return ofServices(file);
  const [only, second] = located;
  if (only === undefined) return { policies: [], problems: [] };
  if (second !== undefined) {
    const message = 'a file with a document of kind Policy holds nothing else';
    const hint = 'a policy is for every service; for several, write a release file';
    const problem = source.problemAt(second.located.startOffset, message, hint);
    return { policies: [], problems: [problem] };
  }
  if (only.problems.length > 0) return { policies: [], problems: only.problems };
  const result = policySchema().safeParse(only.located.value);
  if (!result.success) {
    return { policies: [], problems: explainIssues(result.error.issues, only.located, source) };
  }
  const { metadata, spec } = result.data;
  const policy: PolicyDocument = {
    name: metadata.name,
    service: null,
    objectives: spec.objectives?.flatMap(toObjectives) ?? null,
    gate: toGate(spec.rollout.gate, notScraped),
  };
  return { policies: [policy], problems: [] };
}

function ofServices(file: ReleaseFile): ParsedPolicyFile {
  const { services, problems } = parseReleaseFiles([file]);
  const policies = services.map((service): PolicyDocument => {
    const { objectives, rollout } = service;
    return { name: service.name, service: service.name, objectives, gate: rollout.gate };
  });
  return { policies, problems };
}

/** What instances published is recorded; a policy asks nobody. */
const notScraped = { path: '/metrics', interval: 2000 };

/** Steps and bake may stand there, as in a file people already have; a back-test does not vary them. */
function policySchema() {
  return mapping({
    apiVersion: z.literal(apiVersion),
    kind: z.literal('Policy'),
    metadata: mapping({ name: name() }),
    spec: mapping({
      objectives: objectivesSchema().optional(),
      rollout: rolloutSchema().prefault({}),
    }),
  });
}

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'kind' in value ? value.kind : null;
}
