import type { AccessAction, AccessResource } from '../domain/identity/access-action.ts';
import type { Role } from '../domain/identity/role.ts';
import type { ServiceScope } from '../domain/identity/service-scope.ts';

/** Who asks, as the token says. */
export interface AccessSubject {
  readonly person: string;
  readonly role: Role;
  readonly scopes: readonly ServiceScope[];
}

export interface AccessQuestion {
  readonly subject: AccessSubject;
  readonly action: AccessAction;
  readonly resource: AccessResource;
}

/** `because` names the policy that forbids it, or says that none permits it. */
export type AccessAnswer =
  | { readonly isAllowed: true }
  | { readonly isAllowed: false; readonly because: string };

/**
 * Says who may do what. The same question has the same answer for as long as it lives. What no policy permits, and what cannot be
 * decided, is refused. Synchronous and free of I/O.
 */
export interface Authorizer {
  decide(question: AccessQuestion): AccessAnswer;
}
