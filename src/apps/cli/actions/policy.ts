import { usualTrustDomain } from '../../../adapters/authority/authority-folder.ts';
import type { PolicyCheck } from '../../../api/client/generated/schemas.ts';
import { placeOf, problemAt } from '../../../api/release-file/document-origin.ts';
import { parseReleaseFiles } from '../../../api/release-file/parse-release-files.ts';
import { formatProblem, type Problem } from '../../../api/release-file/problem.ts';
import type { ServiceDocument } from '../../../api/release-file/service-document.ts';
import type { Authorization } from '../../../domain/authorization/authorization.ts';
import { authorizationFaults } from '../../../domain/authorization/authorization-faults.ts';
import { callerNamed, explainAccess } from '../../../domain/authorization/explain-access.ts';
import { explainCache } from '../../../domain/cache/explain-cache.ts';
import { CliError } from '../cli-error.ts';
import { Client } from '../client.ts';
import { type DataFormat, printData } from '../data-format.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { harmless } from '../look.ts';
import { readReleaseFiles } from '../release-files.ts';
import { print, type Session } from '../session.ts';

export interface PolicyCheckOptions {
  /** Of release files, in place of the server. */
  readonly file?: readonly string[];
  /** `name=value` each. */
  readonly claim?: readonly string[];
  readonly address?: string;
  readonly trustDomain?: string;
  readonly output?: DataFormat;
}

export interface PolicyQuestion {
  readonly from: string;
  readonly to: string;
  readonly method: string;
  readonly path: string;
}

/** Exit code 0: it would be served by the rules; 1: not. */
export async function checkPolicy(
  session: Session,
  question: PolicyQuestion,
  options: PolicyCheckOptions,
): Promise<ExitCode> {
  const check = await (options.file === undefined
    ? askServer(session, question, options)
    : askFiles(session, options.file, question, options));
  if (options.output !== undefined) await printData(session, check, options.output);
  else print(session, [harmless(check.sentence)]);
  return check.allowed ? exitCodes.ok : exitCodes.error;
}

async function askServer(
  session: Session,
  question: PolicyQuestion,
  { claim = [], address = null, trustDomain = usualTrustDomain }: Asked,
): Promise<PolicyCheck> {
  using client = await Client.connect(session);
  const body = { ...question, claims: Object.fromEntries(claimsOf(claim)), address, trustDomain };
  return await client.post('/v1/policy/check', { body, signal: session.signal });
}

type Asked = Omit<PolicyCheckOptions, 'address'> & { readonly address?: string | null };

/** The same of files that need not be applied: no server is asked. */
async function askFiles(
  session: Session,
  names: readonly string[],
  { from, to, method, path }: PolicyQuestion,
  { claim = [], address = null, trustDomain = usualTrustDomain }: Asked,
): Promise<PolicyCheck> {
  const service = await serviceIn(session, names, to);
  const named = callerNamed(from, { trustDomain, address });
  if (named.kind === 'unknown') throw new CliError(named.message, { code: 'usage' });
  const { caller } = named;
  const asked = { caller, service: to, method, target: path, claims: claimsOf(claim) };
  const { isAllowed, mode, rule, sentence } = explainAccess(placed(service), asked);
  return {
    kind: 'PolicyCheck',
    allowed: isAllowed,
    mode,
    rule: rule === null ? null : { ...only(rule), place: rule.place ?? null },
    principal: caller.principal,
    address: caller.address,
    sentence: `${sentence}${isAllowed ? explainCache(service.traffic.policy?.cache, { method, path }) : ''}`,
  };
}

function only({ name, action }: { name: string; action: 'ALLOW' | 'DENY' }) {
  return { name, action };
}

async function serviceIn(
  session: Session,
  names: readonly string[],
  name: string,
): Promise<ServiceDocument> {
  const { services, problems } = parseReleaseFiles(await readReleaseFiles(session, names));
  const all = [...problems, ...services.flatMap(ruleProblems)];
  if (all.length > 0) {
    const lines = all.map(formatProblem);
    throw new CliError('the release files were refused', { code: 'refused', lines });
  }
  const found = services.find((each) => each.name === name);
  if (found !== undefined) return found;
  const known = services.map((each) => each.name).join(', ');
  throw new CliError(`no service ${JSON.stringify(name)} is in the files`, {
    code: 'usage',
    remedy: `there are: ${known}`,
  });
}

function ruleProblems(service: ServiceDocument): readonly Problem[] {
  const { policy, rules = [] } = service.traffic;
  if (policy?.authorization === undefined) return [];
  const hasToken = policy.jwt !== undefined || rules.some(({ jwt }) => jwt !== undefined);
  const grounds = { hasToken, hasIdentity: policy.mtls !== undefined };
  return authorizationFaults(policy.authorization, grounds).map(({ keyPath, message, hint }) =>
    problemAt(service, [...place, ...keyPath], message, hint),
  );
}

const place = ['spec', 'traffic', 'authorization'] as const;

function placed(service: ServiceDocument): Authorization | undefined {
  const authorization = service.traffic.policy?.authorization;
  if (authorization === undefined) return undefined;
  const rules = authorization.rules.map((rule, index) => {
    return { ...rule, place: placeOf(service, [...place, 'rules', index]) };
  });
  return { ...authorization, rules };
}

/** A claim that is named several times is a list. */
function claimsOf(written: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const claims = new Map<string, readonly string[]>();
  for (const each of written) {
    const at = each.indexOf('=');
    if (at < 1) {
      throw new CliError(`cannot take the claim ${JSON.stringify(each)}`, {
        code: 'usage',
        remedy: 'write it as --claim role=admin',
      });
    }
    const name = each.slice(0, at);
    claims.set(name, [...(claims.get(name) ?? []), each.slice(at + 1)]);
  }
  return claims;
}
