import type * as cedar from '@cedar-policy/cedar-wasm/nodejs';
import type { DetailedError, PolicySet, ValidationError } from '@cedar-policy/cedar-wasm/nodejs';

import { type PolicyFile, PolicyError } from './policy-files.ts';

/** What is used of Cedar; a type alone, so that nothing is loaded. */
type Cedar = Pick<typeof cedar, 'checkParsePolicySet' | 'policySetTextToParts' | 'validate'>;

/** Policies that were parsed and hold to the schema, each by an id that says where it stands. */
export interface CheckedPolicies {
  readonly set: PolicySet;
  /** By id: the `@id` of the policy, or its file and number. */
  readonly names: ReadonlyMap<string, string>;
}

/** Throws a PolicyError with a line for each problem of any file. */
export function checkPolicies(
  cedar: Cedar,
  schema: PolicyFile,
  files: readonly PolicyFile[],
): CheckedPolicies {
  const problems: string[] = [];
  const staticPolicies: Record<string, string> = {};
  const names = new Map<string, string>();
  for (const file of files) {
    const found = problemsOf(cedar, schema, file);
    problems.push(...found);
    if (found.length > 0) continue;
    for (const [index, text] of policiesOf(cedar, file).entries()) {
      const id = `${file.path}#${index + 1}`;
      staticPolicies[id] = text;
      names.set(id, /^\s*(?:@\w+\(".*?"\)\s*)*?@id\("([^"]{1,100})"\)/.exec(text)?.[1] ?? id);
    }
  }
  if (problems.length > 0) throw new PolicyError(problems.slice(0, problemsMax).join('\n'));
  return { set: { staticPolicies }, names };
}

const problemsMax = 50;

function problemsOf(cedar: Cedar, schema: PolicyFile, file: PolicyFile): string[] {
  const policies = { staticPolicies: file.text };
  const parsed = cedar.checkParsePolicySet(policies);
  if (parsed.type === 'failure') return parsed.errors.map((error) => lineOf(file, error));
  const parts = cedar.policySetTextToParts(file.text);
  if (parts.type === 'success' && parts.policy_templates.length > 0) {
    return [`${file.path}:1:1: has a template (?principal, ?resource), which nothing would link`];
  }
  const answer = cedar.validate({ schema: schema.text, policies });
  if (answer.type === 'failure') return answer.errors.map((error) => lineOf(file, error));
  // A warning is a policy that can never hold: whoever wrote it believes in something that is not so.
  const all: readonly ValidationError[] = [
    ...answer.validationErrors,
    ...answer.validationWarnings,
  ];
  const told = new Set<string>();
  return all.flatMap(({ policyId, error }) => {
    if (told.has(policyId)) return [];
    told.add(policyId);
    return [lineOf(file, error)];
  });
}

function policiesOf(cedar: Cedar, { path, text }: PolicyFile): readonly string[] {
  const parts = cedar.policySetTextToParts(text);
  if (parts.type === 'success') return parts.policies;
  throw new PolicyError(`${path}:1:1: cannot be taken apart`);
}

function lineOf({ path, text }: PolicyFile, error: DetailedError): string {
  const [place] = error.sourceLocations ?? [];
  const { line, column } = placeOf(text, place?.start ?? 0);
  const expected = place?.label ?? null;
  const hint = error.help ?? expected;
  const message = error.message.replace(/^for policy `[^`]*`, /, '');
  return `${path}:${line}:${column}: ${message}${hint === null ? '' : ` (${hint})`}`;
}

/** Cedar counts octets of UTF-8; lines and columns count from 1, columns in UTF-16 units, as editors do. */
function placeOf(text: string, offsetBytes: number): { line: number; column: number } {
  const before = Buffer.from(text).subarray(0, offsetBytes).toString('utf8');
  const lines = before.split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
