import type { FastifyRequest } from 'fastify';
import {
  type AccessAction,
  type AccessResource,
  defaultNamespace,
  type ServerAction,
  type ServiceAction,
} from '../../../domain/identity/access-action.ts';

/** What a request wants, of what. It needs all of them. */
export interface Wish {
  readonly action: AccessAction;
  readonly resources: readonly AccessResource[];
}

/**
 * What a route says of itself. `entry`: `none` for what changes nothing; `own` where what is done writes entries with the person;
 * `access` where the journal has to.
 */
export type RouteAccess =
  | { readonly kind: 'open' }
  | { readonly kind: 'known' }
  | {
      readonly kind: 'asks';
      readonly actions: readonly AccessAction[];
      readonly entry: 'none' | 'own' | 'access';
      readonly wish: (request: FastifyRequest) => Wish | Promise<Wish>;
    };

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly access?: RouteAccess;
  }
}

export interface RouteConfig {
  readonly access: RouteAccess;
}

/** Nobody has to say who they are. */
export const open: RouteConfig = { access: { kind: 'open' } };

/** Whoever is known may, as it is about themselves. */
export const known: RouteConfig = { access: { kind: 'known' } };

/** Of the whole installation. */
export function ofServer(
  action: ServerAction,
  entry: 'none' | 'own' | 'access' = 'none',
): RouteConfig {
  const wish = { action, resources: [{ kind: 'server' as const }] };
  return { access: { kind: 'asks', actions: [action], entry, wish: () => wish } };
}

/** Of one service, which `nameOf` finds in the request; null: of some service, whichever. */
export function ofService(
  action: ServiceAction,
  nameOf: (request: FastifyRequest) => string | null,
  entry: 'none' | 'own' | 'access' = 'none',
): RouteConfig {
  const wish = (request: FastifyRequest): Wish => {
    return { action, resources: [serviceResource(nameOf(request))] };
  };
  return { access: { kind: 'asks', actions: [action], entry, wish } };
}

/** What is wanted depends on the body; `actions` are all it can be. */
export function ofBody(
  actions: readonly ServiceAction[],
  entry: 'none' | 'own',
  wish: (request: FastifyRequest) => Wish | Promise<Wish>,
): RouteConfig {
  return { access: { kind: 'asks', actions, entry, wish } };
}

export function serviceResource(name: string | null): AccessResource {
  return name === null
    ? { kind: 'any-service' }
    : { kind: 'service', namespace: defaultNamespace, name };
}

/** Throws for a route that does not say what it lets do: such a server does not start. */
export function requireAccess(route: {
  readonly method: string | readonly string[];
  readonly url: string;
  readonly config?: { readonly access?: RouteAccess };
}): RouteAccess {
  const access = route.config?.access;
  if (access !== undefined) return access;
  throw new Error(`${String(route.method)} ${route.url} does not say which action it is`);
}
