/** What can be done to one service. policies/tidegate.cedarschema has the same names, which a test holds. */
export const serviceActions = [
  'services:read',
  'services:estimate',
  'services:logs',
  'services:apply',
  'services:delete',
  'services:restart',
  'rollouts:pause',
  'rollouts:resume',
  'rollouts:promote',
  'rollouts:promote-full',
  'rollouts:override',
  'rollouts:abort',
  'rollouts:retry',
  'rollouts:undo',
  'cache:purge',
  'load-tests:record',
  'faults:read',
  'faults:write',
  'approvals:read',
  'approvals:submit',
] as const;

/** What is about the whole installation. */
export const serverActions = [
  'server:read',
  'server:stop',
  'people:read',
  'people:write',
  'tokens:read',
  'tokens:write',
  'ledger:read',
  'ledger:checkpoint',
  'ledger:rotate-keys',
] as const;

export type ServiceAction = (typeof serviceActions)[number];
export type ServerAction = (typeof serverActions)[number];
export type AccessAction = ServiceAction | ServerAction;

/** `any-service`: some service of the asker's scopes, whichever; what a list shows of each is decided by itself. */
export type AccessResource =
  | { readonly kind: 'server' }
  | { readonly kind: 'any-service' }
  | { readonly kind: 'service'; readonly namespace: string; readonly name: string };

/** The one namespace that services of one machine are in. */
export const defaultNamespace = 'default';

/** As people write it: `default/checkout`. */
export function resourceText(resource: AccessResource): string {
  switch (resource.kind) {
    case 'server':
      return 'the server';
    case 'any-service':
      return 'any service';
    case 'service':
      return `${resource.namespace}/${resource.name}`;
  }
}
