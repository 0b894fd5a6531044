import type { ApiToken } from '../../../control/recording/token-register.ts';

/**
 * Who asks. `owner`: has the token of the state folder, and so everything that is in it: what the program could refuse them they
 * could do without it. So no policy is asked about them.
 */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'owner' }
  | { readonly kind: 'person'; readonly token: ApiToken };

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
    /** Whether a list may show what belongs to this service; null: to none. */
    sees: (service: string | null) => boolean;
    /** Whether the caller may still be answered: a stream outlives the moment it was asked for in. */
    isInForce: () => boolean;
  }
}

/** Null: the owner, who says in the request who it is. */
export function personOf(caller: Caller): string | null {
  return caller.kind === 'person' ? caller.token.person : null;
}
