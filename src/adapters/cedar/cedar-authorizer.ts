import type {
  AuthorizationAnswer,
  EntityJson,
  StatefulAuthorizationCall,
  TypeAndId,
} from '@cedar-policy/cedar-wasm/nodejs';

import { type AccessResource, resourceText } from '../../domain/identity/access-action.ts';
import { isInScope, type ServiceScope, wholeScope } from '../../domain/identity/service-scope.ts';
import type {
  AccessAnswer,
  AccessQuestion,
  AccessSubject,
  Authorizer,
} from '../../ports/authorizer.ts';
import { ownFiles, type PolicyFile, shippedFiles } from './policy-files.ts';
import { checkPolicies } from './policy-set.ts';

/** Answers that are kept; a question costs about a millisecond of the one thread that also decides for users. */
const answersMax = 20_000;

/**
 * Reads the shipped policies and those of `folder` (null: none), holds them to the shipped schema, and loads Cedar, which is some
 * 4 MB of WebAssembly: who needs no answer does not call this. Throws a PolicyError with FILE:LINE:COLUMN of each problem.
 */
export async function openCedarAuthorizer(folder: string | null): Promise<Authorizer> {
  const { schema, policies } = await shippedFiles();
  const own = folder === null ? [] : await ownFiles(folder);
  return cedarAuthorizer(schema, [policies, ...own]);
}

let setCount = 0;

async function cedarAuthorizer(
  schema: PolicyFile,
  files: readonly PolicyFile[],
): Promise<Authorizer> {
  const cedar = await import('@cedar-policy/cedar-wasm/nodejs');
  const { set, names } = checkPolicies(cedar, schema, files);
  setCount += 1;
  const preparsedPolicySetId = `tidegate-${setCount}`;
  cedar.preparsePolicySet(preparsedPolicySetId, set);
  const answers = new Map<string, AccessAnswer>();
  const ask = (question: AccessQuestion): AccessAnswer => {
    const answer = cedar.statefulIsAuthorized({ ...callOf(question), preparsedPolicySetId });
    return answerOf(answer, question, names);
  };
  return {
    decide: (question) => {
      const key = JSON.stringify(question);
      const known = answers.get(key);
      if (known !== undefined) return known;
      const answer = ask(question);
      if (answers.size >= answersMax) answers.clear();
      answers.set(key, answer);
      return answer;
    },
  };
}

function answerOf(
  answer: AuthorizationAnswer,
  { subject, action, resource }: AccessQuestion,
  names: ReadonlyMap<string, string>,
): AccessAnswer {
  const refused = (why: string): AccessAnswer => {
    const what = `${action} on ${resourceText(resource)}`;
    return {
      isAllowed: false,
      because: `${subject.role} ${subject.person} may not ${what}: ${why}`,
    };
  };
  if (answer.type === 'failure') return refused('the policies cannot be asked that');
  const { decision, diagnostics } = answer.response;
  // Cedar passes over a policy that fails, and a forbid that is passed over forbids nothing.
  if (diagnostics.errors.length > 0) return refused('a policy failed while it was asked');
  if (decision === 'allow') return { isAllowed: true };
  const [forbidden] = diagnostics.reason;
  if (forbidden === undefined) return refused('no policy permits it');
  return refused(`policy "${names.get(forbidden) ?? forbidden}" forbids it`);
}

type Call = Omit<StatefulAuthorizationCall, 'preparsedPolicySetId'>;

function callOf({ subject, action, resource }: AccessQuestion): Call {
  const principal = uid('Person', subject.person);
  const object = resourceUid(resource);
  return {
    principal,
    action: uid('Action', action),
    resource: object,
    context: {},
    entities: [
      {
        uid: principal,
        attrs: { scopes: subject.scopes.map((scope) => ({ __entity: uid('Scope', scope) })) },
        parents: [uid('Role', subject.role)],
      },
      { uid: object, ...resourceEntity(resource, subject) },
    ],
  };
}

function resourceUid(resource: AccessResource): TypeAndId {
  switch (resource.kind) {
    case 'server':
      return uid('Server', 'tidegate');
    case 'any-service':
      // No service can have such a name.
      return uid('Service', '*');
    case 'service':
      return uid('Service', resourceText(resource));
  }
}

/** A resource is in those of the asker's scopes that it fits. */
function resourceEntity(
  resource: AccessResource,
  { scopes }: AccessSubject,
): Omit<EntityJson, 'uid'> {
  switch (resource.kind) {
    case 'server':
      return { attrs: {}, parents: scopeUids(scopes.filter((scope) => scope === wholeScope)) };
    case 'any-service':
      return { attrs: { namespace: '*', name: '*' }, parents: scopeUids(scopes) };
    case 'service': {
      const { namespace, name } = resource;
      const fitting = scopes.filter((scope) => isInScope(scope, resource));
      const parents = [uid('Namespace', namespace), ...scopeUids(fitting)];
      return { attrs: { namespace, name }, parents };
    }
  }
}

function scopeUids(scopes: readonly ServiceScope[]): TypeAndId[] {
  return scopes.map((scope) => uid('Scope', scope));
}

function uid(type: string, id: string): TypeAndId {
  return { type: `Tidegate::${type}`, id };
}
