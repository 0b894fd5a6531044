import { readPersonName } from '../evidence/approval/person-enrolment.ts';
import { EvidenceError } from '../evidence/canonical-json.ts';
import { isRole, type Role } from './role.ts';
import { readServiceScope, scopesMax, type ServiceScope } from './service-scope.ts';

/** A role for some services. Who has several may what one of them allows. */
export interface Grant {
  readonly role: Role;
  readonly scopes: readonly ServiceScope[];
}

/** A text: what is wrong with it. `what` is granted, as `a token`. */
export function readGrant(
  { role, scopes }: { readonly role: string; readonly scopes: readonly string[] },
  what: string,
): Grant | string {
  if (!isRole(role)) return `'${role}' is no role`;
  if (scopes.length < 1 || scopes.length > scopesMax) {
    return `${what} is for 1-${scopesMax} patterns of services, not ${scopes.length}`;
  }
  const read = scopes.map((text) => readServiceScope(text));
  const bad = read.indexOf(null);
  if (bad >= 0) {
    return `'${scopes[bad]}' is no pattern of services, as default/checkout or default/*`;
  }
  return { role, scopes: read.filter((scope) => scope !== null) };
}

/** What is wrong with a person's name; null: nothing. */
export function personNameFault(person: string): string | null {
  try {
    readPersonName(person);
    return null;
  } catch (error) {
    if (error instanceof EvidenceError) return error.message;
    throw error;
  }
}
