import type { ApiSession } from '../../../control/recording/session-register.ts';
import type { ApiToken } from '../../../control/recording/token-register.ts';
import type { Grant } from '../../../domain/identity/grant.ts';

/**
 * Who asks. `owner`: has the token of the state folder, and so everything that is in it: what the program could refuse them they
 * could do without it. So no policy is asked about them.
 */
export type Caller =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'owner' }
  | {
      readonly kind: 'person';
      readonly person: string;
      /** At least one. */
      readonly grants: readonly Grant[];
      readonly by: Credential;
    };

/** What a request carries: a token in its Authorization, or the cookie of somebody who is signed in. */
export type Credential =
  | { readonly kind: 'token'; readonly token: ApiToken }
  | {
      readonly kind: 'session';
      readonly session: ApiSession;
      /** What writes have to say, as the cookie alone comes by itself. */
      readonly csrfToken: string;
    };

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
  return caller.kind === 'person' ? caller.person : null;
}

/** Null: not signed in. */
export function sessionOf(caller: Caller): Extract<Credential, { kind: 'session' }> | null {
  return caller.kind === 'person' && caller.by.kind === 'session' ? caller.by : null;
}
